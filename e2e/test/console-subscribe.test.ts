import { AuthorityClient, enrolSender, type Identity, type SealedClient } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import { type MemberInfo, routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import mqtt from 'mqtt'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const canary = 'canary-7f3e-plaintext'
const reader = 'grace@plant.example'

describe('the desk of a subscriber', () => {
  const installation = new Installation()
  const frames: Buffer[] = []
  let browser: Browser
  let url: string
  let mqttUrl: string
  let desk: ConsolePage
  let pump: SealedClient
  let identity: Identity
  beforeAll(async () => {
    const served = await serve(installation, temporaryFolder())
    url = served.http
    mqttUrl = served.mqtt
    const open = new AuthorityClient({ url })
    const { token } = await open.setUp({ code: served.setupCode!, email: 'ada@plant.example', name: 'Ada', password })
    const admin = open.withToken(token)
    for (const [email, name, roles] of [
      [reader, 'Grace', ['sensor', 'controller']],
      ['pump@plant.example', 'Pump', ['sensor']],
      ['idle@plant.example', 'Idle', []],
    ] as const) {
      await admin.request<MemberInfo>('POST', routes.members, { email, name, password, roles })
    }
    const session = await open.logIn({ email: 'pump@plant.example', password })
    identity = await enrolSender(open.withToken(session.token), nodeCryptography, 'pump-7')
    pump = await connectAsync({ identity })
    await pump.publishAsync('iot/sensor', '{"temperature":20}', { qos: 1, retain: true })
    browser = await launchChromium()
    desk = await ConsolePage.open(browser, url, '/subscribe')
    desk.page.on('websocket', (socket) => {
      const keep = ({ payload }: { payload: string | Buffer }) => frames.push(Buffer.from(payload))
      socket.on('framesent', keep).on('framereceived', keep)
    })
  })
  afterAll(async () => {
    await browser?.close()
    await pump?.endAsync(true)
    installation.stop()
  })
  const rows = () => desk.page.getByRole('region', { name: 'Messages' }).getByRole('button')
  const row = (text: string) => rows().filter({ hasText: text }).first()

  it('is behind a door of its own', async () => {
    await desk.text('Watch your channels live.').waitFor()
    await desk.expectAccessible()
    await desk.signIn(reader, password)
    await desk.heading('Subscribe').waitFor()
  })

  it('connects by itself, and shows what is retained with its age', async () => {
    await desk.text('Broker: connected').waitFor()
    await row('{"temperature":20}').waitFor()
    await row('retained,').waitFor()
    await desk.text(/Keys: good for/).waitFor()
    await desk.expectAccessible()
  })

  it('shows what is published with who sealed it, and what came before', async () => {
    await pump.publishAsync('iot/sensor', JSON.stringify({ temperature: 21.5, note: canary }), { qos: 1 })
    await pump.publishAsync('iot/control', 'valve 50', { qos: 1 })
    const line = row(canary)
    await line.waitFor()
    expect(await line.textContent()).toMatch(/verified sender.*Pump · pump-7.*epoch \d+/)
    await row('valve 50').waitFor()
    await desk.page.getByRole('button', { name: /^sensor/ }).click()
    await row('valve 50').waitFor({ state: 'detached' })
    await desk.field('Search text, topic, sender').fill('CANARY')
    await row('{"temperature":20}').waitFor({ state: 'detached' })
    await row(canary).waitFor()
    await desk.field('Search text, topic, sender').fill('')
    await desk.button('All topics').click()
    await row('valve 50').waitFor()
  })

  it('opens a message to all that is known of it', async () => {
    await row(canary).click()
    const drawer = desk.page.getByRole('dialog')
    await drawer.getByText('temperature:').waitFor()
    await desk.expectAccessible()
    await drawer.getByRole('tab', { name: 'What the broker sees' }).click()
    await drawer.getByText('"suite"').waitFor()
    expect(await drawer.textContent()).not.toContain(canary)
    await drawer.getByRole('tab', { name: 'Difference' }).click()
    await drawer.getByText('-   "temperature": 20').waitFor()
    await drawer.getByText('+   "temperature": 21.5').waitFor()
    await desk.expectAccessible()
    await drawer.getByRole('tab', { name: 'History' }).click()
    await drawer.getByRole('row').nth(1).waitFor()
    await drawer.getByRole('tab', { name: 'Chart' }).click()
    await drawer.getByRole('img', { name: 'Values of iot/sensor over time' }).waitFor()
    await drawer.getByRole('checkbox', { name: 'temperature' }).waitFor()
    await desk.expectAccessible()
    await desk.page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
  })

  it('stands still while it is paused, and tells how many came', async () => {
    await desk.button('Pause').click()
    await pump.publishAsync('iot/sensor', 'after the pause', { qos: 1 })
    await desk.button('Resume, 1 newer').waitFor()
    expect(await rows().filter({ hasText: 'after the pause' }).count()).toBe(0)
    await desk.button('Resume, 1 newer').click()
    await row('after the pause').waitFor()
  })

  it('marks a message that was tampered with, and shows nothing of it', async () => {
    const sealed = await pump.publishAsync('iot/sensor', 'original', { qos: 1 })
    const forged = Buffer.from(sealed.envelope)
    forged[forged.length - 1]! ^= 1
    const { username, password } = identity.broker
    const clientId = `sealmq-${identity.sender}-hand`
    const hand = await mqtt.connectAsync(mqttUrl, { username, password, clientId })
    await hand.publishAsync('iot/sensor', forged, { qos: 1 })
    await hand.endAsync()
    const line = row('rejected: not-authentic')
    await line.waitFor()
    await line.click()
    await desk.page.getByRole('dialog').getByText('Its payload is not shown').waitFor()
    await desk.expectAccessible()
    await desk.page.keyboard.press('Escape')
    await desk.page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('tells what of a filter is granted, and refuses what is not', async () => {
    await desk.field('Another filter').fill('#')
    await desk.button('Subscribe').click()
    await desk.text(/# was narrowed to what your role allows: /).waitFor()
    await desk.field('Another filter').fill('iot/admin')
    await desk.button('Subscribe').click()
    await desk.page.getByRole('alert').waitFor()
    await desk.button('End #').click()
    await desk.text(/# was narrowed/).waitFor({ state: 'detached' })
  })

  it('gives out what is shown as a file', async () => {
    for (const [label, first] of [
      ['CSV', 'time,topic,sender,verified'],
      ['JSON lines', '{"time":"'],
    ] as const) {
      const saved = desk.page.waitForEvent('download')
      await desk.button('Export').click()
      await desk.page.getByRole('menuitem', { name: label }).click()
      const text = Buffer.concat(await (await (await saved).createReadStream()).toArray()).toString()
      expect(text.startsWith(first)).toBe(true)
      expect(text).toContain('after the pause')
    }
  })

  it('shows both sides of every message in the traffic view', async () => {
    await desk.page.getByRole('link', { name: 'Traffic' }).click()
    await desk.heading('Traffic').waitFor()
    await row('after the pause').waitFor()
    expect(await row('after the pause').textContent()).toMatch(/[0-9a-f]{64}/)
    await desk.expectAccessible()
  })

  it('fits a phone', async () => {
    await desk.page.setViewportSize({ width: 390, height: 800 })
    await desk.go('/subscribe')
    await desk.text('Broker: connected').waitFor()
    await pump.publishAsync('iot/sensor', 'on the phone', { qos: 1 })
    await row('on the phone').waitFor()
    await desk.expectAccessible()
    const overflow = await desk.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    await desk.page.setViewportSize({ width: 1280, height: 800 })
  })

  it('has sent and received no plaintext by its WebSocket, and broken no policy', async () => {
    const bytes = Buffer.concat(frames)
    expect(bytes.length).toBeGreaterThan(1000)
    for (const secret of [canary, 'after the pause', 'temperature']) expect(bytes.includes(secret)).toBe(false)
    expect(bytes.includes('iot/sensor')).toBe(true)
    await desk.button('Sign out').click()
    await desk.text('Watch your channels live.').waitFor()
    await desk.close()
  })
})
