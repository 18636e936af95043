import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { AuthorityClient } from '@sealmq/client'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, takesConnections } from '../../scripts/free-port.ts'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Outbox } from './outbox.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const canary = 'canary-9b21-plaintext'
const [ada, grace, max] = ['ada@plant.example', 'grace@plant.example', 'max@plant.example']

// What the original's two windows and its text files did, from the first day of two people, with either broker.
describe.each(['embedded', 'Mosquitto'] as const)('the whole story at the console, broker %s', (kind) => {
  const installation = new Installation()
  const data = temporaryFolder()
  const outbox = new Outbox(data)
  const frames: Buffer[] = []
  let mosquitto: ChildProcess | null = null
  let browser: Browser
  let url: string
  let desk: ConsolePage
  let writer: ConsolePage
  let reader: ConsolePage

  async function startMosquitto(): Promise<string[]> {
    const parent = temporaryFolder()
    // Started by root, Mosquitto runs as a user of its own.
    chmodSync(parent, 0o755)
    const port = await freePort()
    const words = ['--dir', join(parent, 'broker'), '--listen', `127.0.0.1:${port}`, '--json']
    const { out } = await installation.run('broker', 'init', 'mosquitto', ...words)
    const { command, passwordFile } = JSON.parse(out) as { command: string[]; passwordFile: string }
    mosquitto = spawn(command[0]!, command.slice(1), { stdio: 'ignore' })
    while (!(await takesConnections(port))) await setTimeout(20)
    return ['--broker', `mosquitto://127.0.0.1:${port}`, '--broker-password-file', passwordFile]
  }

  /** Signs up, proves the address and waits for approval. */
  async function signUp(email: string, name: string, role: string): Promise<ConsolePage> {
    const page = await ConsolePage.open(browser, url, '/sign-up')
    await page.field('Email').fill(email)
    await page.field('Your name').fill(name)
    await page.page.getByRole('combobox', { name: 'Role that you ask for' }).click()
    await page.page.getByRole('option', { name: role }).click()
    await page.password('Password').fill(password)
    await page.button('Send me a code').click()
    await page.heading('Prove your address').waitFor()
    await page.code(await outbox.code(email))
    await page.heading('Waiting for approval').waitFor()
    return page
  }

  async function signIn(page: ConsolePage, email: string, secret = password): Promise<void> {
    await page.signIn(email, secret)
    await page.text('We have sent six digits to your address.').waitFor()
    await page.code(await outbox.code(email))
  }

  /** Keeps what goes over the WebSockets of this page and of its workers. */
  function listen(page: ConsolePage): void {
    page.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => void frames.push(Buffer.from(payload)))
      socket.on('framereceived', ({ payload }) => void frames.push(Buffer.from(payload)))
    })
  }

  beforeAll(async () => {
    const broker = kind === 'Mosquitto' ? await startMosquitto() : []
    const ready = await serve(installation, data, '--resend-seconds', '1', ...broker)
    url = ready.http
    await new AuthorityClient({ url }).setUp({ code: ready.setupCode!, email: ada, name: 'Ada', password })
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    installation.stop()
    mosquitto?.kill('SIGKILL')
  })

  it('people ask for accounts and roles, and an administrator approves', async () => {
    writer = await signUp(grace, 'Grace', 'sensor')
    reader = await signUp(max, 'Max', 'viewer')
    desk = await ConsolePage.open(browser, url, '/admin')
    await desk.signIn(ada, password)
    for (const name of ['Grace', 'Max']) {
      const row = desk.page.getByRole('row', { name: new RegExp(name) })
      await row.getByRole('button', { name: 'Approve' }).click()
      await row.getByText('active', { exact: true }).waitFor()
    }
  })

  it('a publisher seals on iot/sensor, and a subscriber reads it and knows whose it is', async () => {
    listen(desk)
    await desk.go('/subscribe')
    await desk.text('Broker: connected').waitFor()
    listen(writer)
    await writer.go('/publish')
    await signIn(writer, grace)
    const topics = writer.page.getByRole('region', { name: 'You may publish on' })
    await topics.getByRole('button', { name: 'iot/sensor' }).click()
    await writer.field('Payload').fill(JSON.stringify({ temperature: 21.5, note: canary }))
    await writer.field('Payload').press('Control+Enter')
    await writer.text('sealed → acknowledged by the broker').first().waitFor()
    const line = desk.page.getByRole('region', { name: 'Messages' }).getByRole('button').filter({ hasText: canary })
    await line.first().waitFor()
    expect(await line.first().textContent()).toMatch(/verified sender.*Grace/)
  })

  it('who has another role reads none of it, and publishes nothing', async () => {
    await reader.go('/subscribe')
    await signIn(reader, max)
    await reader.text('Broker: connected').waitFor()
    await writer.field('Payload').fill(`${canary} again`)
    await writer.button('Send').click()
    const again = desk.page.getByRole('region', { name: 'Messages' }).getByRole('button', { name: /again/ })
    await again.first().waitFor()
    expect(await reader.page.getByText(canary).count()).toBe(0)
    await reader.go('/publish')
    await reader.heading('Publish').waitFor()
    expect(await reader.page.getByRole('button', { name: 'iot/sensor' }).count()).toBe(0)
  })

  it('no WebSocket has carried a word of it', () => {
    const bytes = Buffer.concat(frames)
    expect(bytes.includes('iot/sensor')).toBe(true)
    expect(bytes.includes(canary)).toBe(false)
  })

  it('three wrong passwords lock, and who forgot the password comes in again by a mailed code', async () => {
    const stranger = await ConsolePage.open(browser, url, '/publish')
    for (let guess = 0; guess < 3; guess++) {
      await stranger.signIn(grace, 'a wrong guess')
      await stranger.page.getByRole('alert').getByText('Name or password is wrong.').waitFor()
      await stranger.page.reload()
    }
    await desk.go('/admin')
    await desk.page
      .getByRole('row', { name: /Grace/ })
      .getByText(/locked until/)
      .waitFor()
    await stranger.page.getByRole('link', { name: 'Forgot password?' }).click()
    await stranger.field('Email or user name').fill(grace)
    await stranger.button('Send me a code').click()
    const { text } = await outbox.next(grace, ({ subject }) => /password/i.test(subject))
    const next = 'seven quiet bridges over a river'
    await stranger.field('Code').fill(/^\d{6}$/m.exec(text)![0])
    await stranger.password('New password').fill(next)
    await stranger.button('Set password').click()
    await stranger.text('The new password is set, and all sessions have ended. Sign in.').waitFor()
    // The publisher's tab ended with its session.
    await writer
      .text(/shut out|Sign in/)
      .first()
      .waitFor()
    await stranger.go('/publish')
    await signIn(stranger, grace, next)
    await stranger.heading('Publish').waitFor()
    for (const page of [stranger, desk, writer, reader]) await page.close()
    // Each refusal has a shortest time of its own, and pages are loaded a dozen times.
  }, 180_000)
})
