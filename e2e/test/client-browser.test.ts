import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Identity, SealedClient } from '@sealmq/client'
import { routes } from '@sealmq/protocol/routes'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Inbox, Plant } from './plant.ts'

const entry = fileURLToPath(new URL('../../packages/client/dist/browser/index.js', import.meta.url))
/** What the page under test keeps for the tests. */
interface PageState {
  sealmq: { connectAsync(options: { identity: Identity }): Promise<SealedClient> }
  client: SealedClient
  received: unknown[]
}
const flags =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

describe('the client in a browser', () => {
  let plant: Plant
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    plant = await Plant.start()
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      format: 'iife',
      globalName: 'sealmq',
      platform: 'browser',
      write: false,
      minify: true,
    })
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags.split(' ') })
    // A page of the authority's own origin, as the console will be; the API's policy would keep scripts out of it.
    const context = await browser.newContext({ bypassCSP: true })
    page = await context.newPage()
    await page.goto(`${plant.url}/healthz`)
    await page.addScriptTag({ content: outputFiles[0]!.text })
  })
  afterAll(async () => {
    await browser?.close()
    await plant.stop()
  })

  it('publishes and subscribes sealed over WebSocket, with WebCrypto', async () => {
    const inBrowser = await plant.enrol('browser', 'sensor')
    const node = await plant.connect(await plant.enrol('machine', 'sensor'))
    const inbox = new Inbox(node)
    await node.subscribeAsync('iot/sensor', { qos: 1 })
    await page.evaluate(async (identity) => {
      const state = globalThis as unknown as PageState
      const client = await state.sealmq.connectAsync({ identity })
      Object.assign(state, { client, received: [] })
      client.on('message', (topic, payload, _packet, { senderName, verified }) => {
        state.received.push({ topic, text: new TextDecoder().decode(payload), senderName, verified })
      })
      await client.subscribeAsync('iot/sensor', { qos: 1 })
      await client.publishAsync('iot/sensor', 'from the browser', { qos: 1 })
    }, inBrowser)
    const { text, message } = await inbox.next()
    expect({ text, sender: message.senderName, verified: message.verified }).toEqual({
      text: 'from the browser',
      sender: 'browser',
      verified: 'sender',
    })
    await node.publishAsync('iot/sensor', 'from the machine', { qos: 1 })
    await page.waitForFunction(() => (globalThis as unknown as PageState).received.length === 2)
    const received = await page.evaluate(() => (globalThis as unknown as PageState).received)
    expect(received).toEqual([
      { topic: 'iot/sensor', text: 'from the browser', senderName: 'browser', verified: 'sender' },
      { topic: 'iot/sensor', text: 'from the machine', senderName: 'machine', verified: 'sender' },
    ])
    const refused = await page.evaluate(() =>
      (globalThis as unknown as PageState).client.publishAsync('iot/login', 'x').then(
        () => 'published',
        (error: { code: string }) => error.code,
      ),
    )
    expect(refused).toBe('not-permitted')
  })

  it('publishes as a tab that is bound to a session, with a key that cannot be extracted', async () => {
    const person = { email: 'tabs@plant.example', password: 'a long enough phrase of tabs 7' }
    await plant.admin.request('POST', routes.members, { ...person, name: 'tabs', roles: ['sensor'] })
    const node = await plant.connect(await plant.enrol('beside', 'sensor'))
    const inbox = new Inbox(node)
    await node.subscribeAsync('iot/sensor', { qos: 1 })
    const extractable = await page.evaluate(
      async ({ person, login }) => {
        const { sealmq } = globalThis as unknown as { sealmq: typeof import('@sealmq/client/browser') }
        // No token: the cookie of the page's own origin speaks.
        const authority = new sealmq.AuthorityClient({ url: location.origin })
        await authority.request('POST', login, { ...person, cookie: true })
        const identity = await sealmq.enrolSessionSender(authority, sealmq.webCryptography, 'tab')
        const client = await sealmq.connectAsync({ identity })
        await client.publishAsync('iot/sensor', 'from the tab', { qos: 1 })
        await client.endAsync()
        return (identity.signingKey as unknown as { privateKey: CryptoKey }).privateKey.extractable
      },
      { person, login: routes.login },
    )
    expect(extractable).toBe(false)
    const { text, message } = await inbox.next()
    expect({ text, sender: message.senderName, verified: message.verified }).toEqual({
      text: 'from the tab',
      sender: 'tab',
      verified: 'sender',
    })
  })

  it('is kept out of the broker on a page from elsewhere', async () => {
    const foreign = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<!doctype html>'),
    )
    await new Promise<void>((resolve) => foreign.listen(0, '127.0.0.1', resolve))
    const elsewhere = await browser.newPage()
    await elsewhere.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`)
    const outcome = (from: Page) =>
      from.evaluate(
        (url) =>
          new Promise((resolve) => {
            const socket = new WebSocket(url, 'mqtt')
            socket.onopen = () => resolve('open')
            socket.onerror = () => resolve('refused')
          }),
        `${plant.url.replace('http', 'ws')}/mqtt`,
      )
    expect(await outcome(elsewhere)).toBe('refused')
    expect(await outcome(page)).toBe('open')
    foreign.closeAllConnections()
    foreign.close()
  })

  it('shows the description of the API, with nothing refused by its own policy', async () => {
    const docs = await browser.newPage()
    const complaints: string[] = []
    docs.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    docs.on('pageerror', (error) => complaints.push(error.message))
    await docs.goto(`${plant.url}/api/docs/`)
    await docs.getByText('/api/v1/keyring').first().waitFor()
    expect(complaints).toEqual([])
  })
})
