import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AuthorityClient, enrolSender, type SealedClient } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Inbox } from './plant.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const canary = 'canary-51d0-plaintext'
const writer = 'grace@plant.example'

describe('the desk of a publisher', () => {
  const installation = new Installation()
  const folder = temporaryFolder()
  const sent: Buffer[] = []
  let browser: Browser
  let url: string
  let desk: ConsolePage
  let reader: SealedClient
  let inbox: Inbox
  beforeAll(async () => {
    const served = await serve(installation, folder)
    url = served.http
    const open = new AuthorityClient({ url })
    const { token } = await open.setUp({ code: served.setupCode!, email: 'ada@plant.example', name: 'Ada', password })
    const admin = open.withToken(token)
    await admin.request('POST', routes.channels, {
      name: 'valves',
      filters: ['plant/+/valve', 'plant/state'],
      kind: 'command',
      maximumAge: 60,
    })
    await admin.request('POST', routes.roles, {
      name: 'operator',
      grants: ['publish', 'subscribe'].map((right) => ({ channel: 'valves', right })),
    })
    for (const [email, name, roles] of [
      [writer, 'Grace', ['sensor', 'operator']],
      ['max@plant.example', 'Max', ['sensor', 'operator']],
      ['idle@plant.example', 'Idle', []],
    ] as const) {
      await admin.request('POST', routes.members, { email, name, password, roles })
    }
    const session = await open.logIn({ email: 'max@plant.example', password })
    reader = await connectAsync({
      identity: await enrolSender(open.withToken(session.token), nodeCryptography, 'max-1'),
    })
    inbox = new Inbox(reader)
    await reader.subscribeAsync(['iot/sensor', 'plant/#'], { qos: 1 })
    browser = await launchChromium()
    desk = await ConsolePage.open(browser, url, '/publish')
    desk.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => void sent.push(Buffer.from(payload)))
    })
  })
  afterAll(async () => {
    await browser?.close()
    await reader?.endAsync(true)
    installation.stop()
  })
  const topics = () => desk.page.getByRole('region', { name: 'You may publish on' })
  const outcomes = () => desk.page.getByRole('region', { name: 'Sent from this page' })
  const outcome = (text: string | RegExp) => outcomes().getByRole('listitem').filter({ hasText: text }).first()
  const form = (name: string) => desk.page.getByRole('radiogroup', { name: 'Payload as' }).getByText(name).click()
  const allTaken = (count: number) => desk.text(`${count} sealed and taken by the broker`).waitFor()

  it('is behind a door of its own', async () => {
    await desk.text('Send to your channels.').waitFor()
    await desk.expectAccessible()
    await desk.signIn(writer, password)
    await desk.heading('Publish').waitFor()
  })

  it('shows the topics that the role allows, and no others', async () => {
    await topics().getByRole('button', { name: 'iot/sensor' }).waitFor()
    const all = await topics().getByRole('button').allInnerTexts()
    const filters = all.map((text) => text.split('\n')[0]).sort()
    expect(filters).toEqual(['iot/control', 'iot/sensor', 'plant/+/valve', 'plant/state'])
    for (const text of all) expect(text).toMatch(/publish.*epoch \d+, for \d+ (second|minute)/)
    await desk.field('Search topic or channel').fill('valves')
    await topics().getByRole('button', { name: 'iot/sensor' }).waitFor({ state: 'detached' })
    await desk.field('Search topic or channel').fill('nothing like it')
    await desk.text('No topic fits. Change the search.').waitFor()
    await desk.field('Search topic or channel').fill('')
    await desk.expectAccessible()
  })

  it('seals what is written for a real subscriber, who verifies who it is of', async () => {
    await topics().getByRole('button', { name: 'iot/sensor' }).click()
    await desk.text('You may publish here: channel sensor.').waitFor()
    await desk.field('Payload').fill(canary)
    await desk.field('Content type (sealed)').fill('text/plain')
    await desk.field('Time to live, s (sealed)').fill('600')
    await desk.field('Payload').press('Control+Enter')
    const { topic, text, message } = await inbox.next()
    const { verified, contentType, memberName } = message
    expect({ topic, text, verified, contentType, memberName }).toEqual({
      topic: 'iot/sensor',
      text: canary,
      verified: 'sender',
      contentType: 'text/plain',
      memberName: 'Grace',
    })
    await outcome('sealed → acknowledged by the broker').waitFor()
    await desk.expectAccessible()
  })

  it('shows what the broker sees of it', async () => {
    await outcome('iot/sensor').getByRole('button').click()
    const drawer = desk.page.getByRole('dialog')
    await drawer.getByText(/21 bytes of payload became \d+: an overhead of \d+ bytes/).waitFor()
    await drawer.getByRole('row', { name: 'Signed yes' }).waitFor()
    await drawer.getByText('d0 83 58').waitFor()
    expect(await drawer.textContent()).not.toContain(canary)
    await desk.expectAccessible()
    await desk.page.keyboard.press('Escape')
    await drawer.waitFor({ state: 'detached' })
  })

  it('tells where JSON is wrong, and sends none of it', async () => {
    await form('JSON')
    await desk.field('Payload').fill('{\n  "valve": 50,\n}')
    await desk.text('This is not JSON: look at line 3, column 1.').waitFor()
    await desk.button('Send').click()
    await desk.page.getByRole('alert').getByText('line 3, column 1').waitFor()
    await desk.expectAccessible()
    await desk.field('Payload').fill('{"valve":50}')
    await desk.button('Tidy JSON').click()
    await desk.button('Send').click()
    expect(JSON.parse((await inbox.next()).text)).toEqual({ valve: 50 })
    await allTaken(2)
  })

  it('sends hex and files byte for byte', async () => {
    await form('Hex')
    await desk.field('Payload').fill('00 ff 8')
    await desk.text('The last byte has one digit only. Hex has two for each byte.').waitFor()
    await desk.field('Payload').fill('00 ff 80')
    await desk.button('Send').click()
    expect([...(await inbox.next()).message.payload]).toEqual([0, 255, 128])
    await form('File')
    await desk.button('Send').click()
    await desk.page.getByRole('alert').getByText('Choose a file to send.').waitFor()
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index % 256)
    writeFileSync(join(folder, 'reading.bin'), bytes)
    await desk.page.locator('input[type=file]').first().setInputFiles(join(folder, 'reading.bin'))
    await desk.text('5,000 bytes').waitFor()
    await desk.button('Send').click()
    expect(Buffer.compare((await inbox.next()).message.payload, bytes)).toBe(0)
    await outcome('5,000 bytes').getByRole('button').click()
    await desk.text(/The first 4,096 of 5,\d+ bytes/).waitFor()
    await desk.page.keyboard.press('Escape')
    await desk.page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('refuses a topic that the role does not allow, with the rule', async () => {
    await form('Text')
    await desk.field('Topic').fill('iot/login')
    const rule = /role.*Ask an administrator for the grant/
    await desk.page.getByRole('region', { name: 'Message' }).getByText(rule).waitFor()
    await desk.button('Send').click()
    await outcome('refused').getByText('[not-permitted]').waitFor()
    expect(await outcome('refused').textContent()).toMatch(rule)
    await desk.expectAccessible()
  })

  it('checks a topic within a filter, and asks before each command', async () => {
    await topics().getByRole('button', { name: 'plant/+/valve' }).click()
    expect(await desk.field('Topic').inputValue()).toBe('plant/')
    await desk.text('Type the whole topic; it must fit plant/+/valve.').waitFor()
    await desk.field('Topic').pressSequentially('7/valve')
    await desk.text('You may publish here: channel valves.').waitFor()
    await desk.text('A command is never retained.').waitFor()
    await desk.text('Commands are confirmed one by one, and not repeated.').waitFor()
    await desk.field('Payload').fill('open')
    const dialog = desk.page.getByRole('dialog')
    await desk.field('Payload').press('Control+Enter')
    await dialog.getByText('Send this command of 4 bytes to plant/7/valve?').waitFor()
    await desk.expectAccessible()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await outcomes().getByText('plant/7/valve').count()).toBe(0)
    await desk.field('Payload').fill('close')
    await desk.button('Send command').click()
    await dialog.getByRole('button', { name: 'Send command' }).click()
    expect(await inbox.next()).toMatchObject({ topic: 'plant/7/valve', text: 'close' })
  })

  it('sends again and again until it is stopped', async () => {
    await topics().getByRole('button', { name: 'iot/sensor' }).click()
    await desk.field('Payload').fill('tick')
    await desk.field('Repeat every, ms').fill('20')
    await desk.button('Start repeating').click()
    for (let index = 0; index < 5; index++) expect((await inbox.next()).text).toBe('tick')
    await desk.button('Stop repeating').click()
    await desk.button('Start repeating').waitFor()
    await desk.text(/^\d+ sent$/).waitFor()
    await desk.field('Payload').fill('after the ticks')
    await desk.button('Send').click()
    let last = await inbox.next()
    while (last.text === 'tick') last = await inbox.next()
    expect(last.text).toBe('after the ticks')
    expect(inbox.opened).toEqual([])
  })

  it('keeps templates in this tab, gives them out and takes them back, and stores nothing', async () => {
    const dialog = desk.page.getByRole('dialog')
    await desk.field('Payload').fill('from the template')
    await desk.button('Templates').click()
    await dialog.getByText('nothing is put into the browser’s storage').waitFor()
    await desk.field('Name').fill('valve')
    await desk.button('Save the present message').click()
    const saved = desk.page.waitForEvent('download')
    await desk.button('Export to a file').click()
    const path = join(folder, 'templates.json')
    await (await saved).saveAs(path)
    await desk.button('Remove valve').click()
    await desk.text('No template yet.').waitFor()
    writeFileSync(join(folder, 'wrong.json'), '{"sealmqTemplates":1,"templates":[{}]}')
    const chooser = dialog.locator('input[type=file]')
    await chooser.setInputFiles(join(folder, 'wrong.json'))
    await dialog.getByRole('alert').getByText('nothing was taken').waitFor()
    await desk.expectAccessible()
    await chooser.setInputFiles(path)
    await desk.button('Use valve').waitFor()
    const stored = await desk.page.evaluate(async () =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, await indexedDB.databases()]),
    )
    expect(stored).not.toMatch(/template|valve|canary|token/)
    await desk.page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await desk.field('Payload').fill('something else')
    await desk.button('Templates').click()
    await desk.button('Use valve').click()
    await dialog.waitFor({ state: 'detached' })
    expect(await desk.field('Payload').inputValue()).toBe('from the template')
  })

  it('shows no MQTT 5 properties where the broker has none', async () => {
    expect(await desk.text('MQTT 5 properties').count()).toBe(0)
  })

  it('fits a phone', async () => {
    await desk.page.setViewportSize({ width: 390, height: 800 })
    await desk.settle()
    await desk.expectAccessible()
    const overflow = await desk.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    await desk.button('Send').click()
    expect((await inbox.next()).text).toBe('from the template')
    await desk.page.setViewportSize({ width: 1280, height: 800 })
  })

  it('has sent no plaintext by its WebSocket, and broken no policy', async () => {
    const bytes = Buffer.concat(sent)
    expect(bytes.includes('iot/sensor')).toBe(true)
    for (const secret of [canary, 'from the template', 'after the ticks']) expect(bytes.includes(secret)).toBe(false)
    await desk.button('Sign out').click()
    await desk.text('Send to your channels.').waitFor()
  })

  it('says so where a role publishes nothing, and has forgotten who was there before', async () => {
    await desk.signIn('idle@plant.example', password)
    await desk.text('Your role publishes on no channel. Ask an administrator for a grant.').waitFor()
    await desk.expectAccessible()
    expect(await desk.page.getByRole('link', { name: 'Publish' }).count()).toBe(0)
    await desk.close()
  })
})
