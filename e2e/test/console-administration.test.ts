import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const admin = 'ada@plant.example'

describe('the desk of administrators', { timeout: 120_000 }, () => {
  const data = temporaryFolder()
  const installation = new Installation()
  const device = new Installation()
  let browser: Browser
  let url: string
  let desk: ConsolePage
  beforeAll(async () => {
    const { http, setupCode } = await serve(installation, data)
    url = http
    const who = ['--email', admin, '--name', 'Ada', '--password-file', installation.passwordFile(password)]
    await installation.run('setup', '--server', url, '--code', setupCode!, ...who)
    browser = await launchChromium()
    desk = await ConsolePage.open(browser, url, '/admin/roles')
    await desk.signIn(admin, password)
  })
  afterAll(async () => {
    await browser?.close()
    device.stop()
    installation.stop()
  })

  it('gives and takes rights in the matrix, by keyboard, and tells what follows', async () => {
    await desk.button('New role').click()
    await desk.field('Name').fill('press')
    await desk.page.getByLabel('Monitors: receives every channel sealed, and no keys').waitFor()
    await desk.expectAccessible()
    await desk.button('Save').click()
    await desk.button('press on sensor: nothing').focus()
    await desk.page.keyboard.press('Enter')
    await desk.page.getByLabel('Only on these topics').check()
    await desk.field('Topics, one a line').fill('iot/sensor')
    await desk.page.getByLabel('Subscribe, and be given the key to open').check()
    await desk.text('Concerns 0 members with the role press, at once.').waitFor()
    await desk.expectAccessible()
    await desk.button('Save').click()
    await desk.button('press on sensor: publish on a part, subscribe').click()
    expect(await desk.field('Topics, one a line').inputValue()).toBe('iot/sensor')
    await desk.page.getByLabel('Subscribe, and be given the key to open').uncheck()
    await desk.text(/A right is taken away: sensor starts a new epoch/).waitFor()
    await desk.button('Save').click()
    await desk.button('press on sensor: publish on a part').waitFor()
    await desk.expectAccessible()
  })

  it('answers who may do what, with the rule', async () => {
    await desk.field('Member or device').fill(admin)
    await desk.field('Topic or filter').fill('iot/sensor')
    await desk.button('Ask').click()
    await desk.text(/^(No\.|Yes:) /).waitFor()
    await desk.field('Topic or filter').fill('no/such')
    await desk.button('Ask').click()
    await desk.text('No. No channel of this member holds the topic no/such.').waitFor()
    await desk.expectAccessible()
    await desk.field('Member or device').fill('nobody')
    await desk.button('Ask').click()
    await desk.text('There is no member or device nobody.').waitFor()
  })

  it('makes a channel, changes it, and removes it', async () => {
    await desk.page.getByRole('link', { name: 'Channels' }).click()
    await desk.button('New channel').click()
    await desk.field('Name').fill('press')
    await desk.field('Topic filters, one a line').fill('iot/#')
    await desk.button('Save').click()
    await desk.text(/a topic belongs to one channel only/).waitFor()
    await desk.field('Topic filters, one a line').fill('press/+/speed\npress/+/force')
    await desk.expectAccessible()
    await desk.button('Save').click()
    const row = desk.page.getByRole('row', { name: /press\/\+\/speed/ })
    await row.waitFor()
    await desk.button('Actions for press').click()
    await desk.page.getByRole('menuitem', { name: 'Change' }).click()
    await desk.field('Topic filters, one a line').fill('press/+/speed')
    await desk.text(/This starts a new epoch/).waitFor()
    await desk.button('Save').click()
    await desk.page.getByRole('row', { name: /press\/\+\/force/ }).waitFor({ state: 'detached' })
    await desk.button('Actions for press').click()
    await desk.page.getByRole('menuitem', { name: 'Remove the channel' }).click()
    await desk.button('Remove the channel').click()
    await row.waitFor({ state: 'detached' })
  })

  it('adds a device whose ticket enrols it, once', async () => {
    await desk.page.getByRole('link', { name: 'Devices' }).click()
    await desk.text('No device yet. Add one, or import a list.').waitFor()
    await desk.button('Add a device').first().click()
    await desk.field('Name').fill('pump-1')
    await desk.page.getByRole('combobox', { name: 'Roles' }).click()
    await desk.page.getByRole('option', { name: 'press' }).click()
    await desk.page.keyboard.press('Escape')
    await desk.page.getByRole('dialog').getByRole('button', { name: 'Add a device' }).click()
    const word = await desk.page.locator('pre').textContent()
    expect(word).toMatch(/^SEALMQ-/)
    await desk.page.getByRole('img', { name: 'The ticket as a QR code' }).waitFor()
    await desk.text(/Good for \d+:\d\d/).waitFor()
    await desk.expectAccessible()
    expect(await device.runWithInput(`${word}\n`, 'enroll', '-')).toMatchObject({ code: 0 })
    expect(await device.runWithInput(`${word}\n`, 'enroll', '-')).not.toMatchObject({ code: 0 })
    await desk.button('Done').click()
    await desk.page.reload()
    const row = desk.page.getByRole('row', { name: /pump-1/ })
    await row.getByText('living').waitFor()
    await desk.button('Actions for pump-1').click()
    await desk.page.getByRole('menuitem', { name: 'Disable' }).click()
    await desk.button('Disable').click()
    await row.getByText('disabled').waitFor()
    await desk.button('Actions for pump-1').click()
    await desk.page.getByRole('menuitem', { name: 'Enable' }).click()
    await row.getByText('living').waitFor()
  })

  it('imports devices, names the faulty line, and gives their tickets once', async () => {
    const file = join(data, 'devices.csv')
    writeFileSync(file, 'name,role\ndrill-1,press\ndrill 2,press\n')
    await desk.button('Import').click()
    await desk.page.locator('input[type=file]').setInputFiles(file)
    const start = desk.page.getByRole('dialog').getByRole('button', { name: 'Import' })
    await start.click()
    await desk.text(/^Line 3: drill 2 is no name of a device/).waitFor()
    await desk.expectAccessible()
    const lines = Array.from({ length: 60 }, (_, index) => `drill-${index},press`)
    writeFileSync(file, ['name,role', ...lines].join('\n'))
    await desk.page.locator('input[type=file]').setInputFiles(file)
    await start.click()
    await desk.text(/60 devices are made/).waitFor()
    const download = desk.page.waitForEvent('download')
    await desk.button('Download the tickets').click()
    const tickets = await readFile((await (await download).path())!, 'utf8')
    expect(tickets.trim().split('\n')).toHaveLength(61)
    await desk.button('Done').click()
    await desk.text('50 of 61').waitFor()
    await desk.button('More').click()
    await desk.text('61 of 61').waitFor()
    await desk.field('Search by name').fill('DRILL-59')
    await desk.text('1 of 1').waitFor()
    await desk.expectAccessible()
  })

  it('shows who is connected, and ends the connection', async () => {
    await desk.page.getByRole('link', { name: 'Connected clients' }).click()
    await desk.text('Nobody is connected.').waitFor()
    await desk.expectAccessible()
    const role = { grants: [{ channel: 'sensor', right: 'subscribe' }] }
    await desk.page.evaluate(async (body) => {
      const headers = { 'content-type': 'application/json' }
      await fetch('/api/v1/roles/press', { method: 'PATCH', headers, body: JSON.stringify(body) })
    }, role)
    device.start('sub', '-t', 'iot/sensor')
    await desk.page.getByRole('row', { name: /pump-1/ }).waitFor()
    await desk.expectAccessible()
    await desk.page
      .getByRole('button', { name: /^Disconnect pump-1/ })
      .first()
      .click()
    await desk.button('Disconnect').last().click()
    await desk.page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  it('shows how the system does, with settings and where they come from', async () => {
    await desk.page.getByRole('link', { name: 'System' }).click()
    await desk.text(/^Connections: /).waitFor()
    await desk.page.locator('canvas').nth(2).waitFor()
    const row = desk.page.getByRole('row', { name: /^data / })
    await row.getByText('flag').waitFor()
    await desk.page
      .getByRole('row', { name: /^lockTries / })
      .getByText('default')
      .waitFor()
    await desk.field('Send a test mail to').fill('test@plant.example')
    await desk.button('Send').click()
    await desk.text(/^Written to /).waitFor()
    await desk.expectAccessible()
  })

  it('covers what it shows when nobody was there, in every tab, until the password is given', async () => {
    await desk.page.evaluate(() => localStorage.setItem('sealmq-last-input', String(Date.now() - 15 * 60_000)))
    await desk.page.reload()
    await desk.heading('Locked').waitFor()
    expect(await desk.heading('Settings').count()).toBe(0)
    await desk.expectAccessible()
    await desk.page.mouse.move(5, 5)
    await desk.page.reload()
    await desk.heading('Locked').waitFor()
    await desk.password('Password').fill('a wrong guess')
    await desk.button('Continue').click()
    await desk.page.getByRole('alert').waitFor()
    await desk.password('Password').fill(password)
    await desk.button('Continue').click()
    await desk.heading('Settings').waitFor()
    await desk.close()
  })
})
