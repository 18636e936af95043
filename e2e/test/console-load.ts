import { AuthorityClient, enrolSender, type SealedClient } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { Browser, CDPSession } from 'playwright-core'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
/** Between two bursts, ms. */
const beat = 20
/** Messages that may wait for the publisher's socket; where it is slower than the rate, fewer are counted. */
const mostWaiting = 500

/** What a page under load did. */
export interface Load {
  /** Between an input and its first listener, ms, one for each keystroke. */
  inputDelays: number[]
  /** Bytes after a collection, of the page and of its worker, by second. */
  heaps: { second: number; page: number; worker: number }[]
  published: number
}

/**
 * A subscriber's page that signed messages arrive at, while somebody types into its search.
 * @param rate messages a second
 * @param heapEvery seconds between two looks at the heaps; null: none, since a collection stops what it looks at
 */
export async function loadSubscriber(
  rate: number,
  seconds: number,
  count: Count,
  heapEvery: number | null = null,
): Promise<Load> {
  const installation = new Installation()
  let browser: Browser | null = null
  let pump: SealedClient | null = null
  try {
    const { http: url, setupCode } = await serve(installation, temporaryFolder())
    const open = new AuthorityClient({ url })
    const { token } = await open.setUp({ code: setupCode!, email: 'ada@plant.example', name: 'Ada', password })
    for (const name of ['grace', 'pump']) {
      const member = { email: `${name}@plant.example`, name, password, roles: ['sensor'] }
      await open.withToken(token).request('POST', routes.members, member)
    }
    const session = await open.logIn({ email: 'pump@plant.example', password })
    pump = await connectAsync({ identity: await enrolSender(open.withToken(session.token), nodeCryptography, 'pump') })
    browser = await launchChromium()
    const desk = await ConsolePage.open(browser, url, '/subscribe')
    await desk.signIn('grace@plant.example', password)
    await desk.text('Broker: connected').waitFor()
    await desk.page.getByRole('checkbox', { name: 'sensor', checked: true }).waitFor({ state: 'attached' })
    await pump.publishAsync('iot/sensor', 'first', { qos: 1 })
    await desk.page.getByRole('region', { name: 'Messages' }).getByText('first').waitFor()
    const load: Load = { inputDelays: [], heaps: [], published: 1 }
    const search = desk.field('Search text, topic, sender')
    await search.evaluate((field) => {
      const delays: number[] = []
      Object.assign(globalThis, { delays })
      field.addEventListener('keydown', ({ timeStamp }) => delays.push(performance.now() - timeStamp), true)
    })
    const started = performance.now()
    const elapsed = () => (performance.now() - started) / 1000
    const publisher = pump
    let waiting = 0
    const sending = (async () => {
      while (elapsed() < seconds) {
        for (; waiting < mostWaiting && load.published < elapsed() * rate; load.published++) {
          const reading = JSON.stringify({ number: load.published, temperature: 20 + Math.sin(load.published / 50) })
          waiting++
          void publisher
            .publishAsync('iot/sensor', reading)
            .catch(() => {})
            .finally(() => waiting--)
        }
        await new Promise((resolve) => setTimeout(resolve, beat))
      }
      await publisher.publishAsync('iot/sensor', 'the last one', { qos: 1 })
      load.published++
    })()
    const page = await desk.page.context().newCDPSession(desk.page)
    let lastHeap = Number.NEGATIVE_INFINITY
    while (elapsed() < seconds) {
      await search.press('t')
      await search.press('Backspace')
      await new Promise((resolve) => setTimeout(resolve, 200))
      if (heapEvery === null || elapsed() - lastHeap < heapEvery) continue
      lastHeap = elapsed()
      load.heaps.push({ second: lastHeap, page: await heapOf(page), worker: await workerHeap(desk) })
    }
    load.inputDelays = await desk.page.evaluate(() => (globalThis as unknown as { delays: number[] }).delays)
    await sending
    await desk.page.getByRole('region', { name: 'Messages' }).getByText('the last one').waitFor({ timeout: 120_000 })
    count('messages', load.published)
    count('keystrokes', load.inputDelays.length)
    // What came is all there, or said to be let go: the tree counts every one.
    const counted = desk.page.getByRole('button', { name: /^sensor/ })
    await expect.poll(() => counted.textContent()).toContain(load.published.toLocaleString('en'))
    await desk.close()
    return load
  } finally {
    await browser?.close()
    await pump?.endAsync(true)
    installation.stop()
  }
}

/** The value below which this part of them lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

async function heapOf(page: CDPSession): Promise<number> {
  await page.send('HeapProfiler.collectGarbage')
  return (await page.send('Runtime.getHeapUsage')).usedSize
}

// `performance.memory` is there in workers of Chromium too; it is of the worker's own heap.
async function workerHeap({ page }: ConsolePage): Promise<number> {
  const worker = page.workers()[0]
  if (!worker) return 0
  return worker.evaluate(
    () => (performance as unknown as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
  )
}
