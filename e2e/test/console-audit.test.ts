import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const admin = 'ada@plant.example'

describe('channels and audit at the console', () => {
  const data = temporaryFolder()
  const installation = new Installation()
  let browser: Browser
  let url: string
  let desk: ConsolePage
  beforeAll(async () => {
    const { http, setupCode } = await serve(installation, data)
    url = http
    const who = ['--email', admin, '--name', 'Ada', '--password-file', installation.passwordFile(password)]
    await installation.run('setup', '--server', url, '--code', setupCode!, ...who)
    browser = await launchChromium()
    desk = await ConsolePage.open(browser, url, '/admin/channels')
    await desk.signIn(admin, password)
  })
  afterAll(async () => {
    await browser?.close()
    installation.stop()
  })

  it('show who may use a channel, and start a new epoch when that is confirmed', async () => {
    const row = desk.page.getByRole('row', { name: /iot\/sensor/ })
    await row.getByRole('cell', { name: '1', exact: false }).first().waitFor()
    await desk.expectAccessible()
    const epoch = () => row.getByRole('cell').nth(5).locator('p').first().textContent()
    const before = await epoch()
    await desk.button('Rotate sensor').click()
    await desk.text(/Start a new epoch of sensor/).waitFor()
    await desk.expectAccessible()
    await desk.button('Cancel').click()
    expect(await epoch()).toBe(before)
    await desk.button('Rotate sensor').click()
    await desk.button('Rotate').last().click()
    await expect.poll(epoch).not.toBe(before)
  })

  it('list what was done, filtered, with all that a record holds', async () => {
    await desk.page.getByRole('link', { name: 'Audit' }).click()
    const rows = desk.page.getByRole('row')
    await rows.filter({ hasText: 'channel.rotate' }).first().waitFor()
    await desk.expectAccessible()
    await desk.field('Action').fill('login.*')
    await rows.filter({ hasText: 'login' }).first().waitFor()
    await rows.filter({ hasText: 'channel.rotate' }).first().waitFor({ state: 'detached' })
    await desk.field('Action').fill('channel.rotate')
    await rows.filter({ hasText: 'channel.rotate' }).first().waitFor()
    await desk.page
      .getByRole('button', { name: /Details of record/ })
      .first()
      .click()
    await desk.text(/"action": "channel.rotate"/).waitFor()
    await desk.expectAccessible()
    await desk.field('Action').fill('no.such')
    await desk.text('No record fits.').waitFor()
    await desk.field('Action').fill('not an action!')
    await desk.page.getByRole('alert').waitFor()
    await desk.field('Action').fill('')
  })

  it('prove in the browser that the log is whole, and continues the checkpoint that was kept', async () => {
    const kept = join(data, 'kept-checkpoint')
    expect(await installation.run('audit', 'checkpoint', '--out', kept)).toMatchObject({ code: 0 })
    await desk.button('Verify').click()
    await desk.text(/records is whole|are proved/).waitFor()
    await desk.text(/an authority that writes its whole log anew would not be noticed/).waitFor()
    await desk.page.locator('input[type=file]').setInputFiles(kept)
    await desk.button('Verify').click()
    await desk.text('It continues the checkpoint that you kept.').waitFor()
    await desk.expectAccessible()
  })

  it('name the record that somebody altered in the store', async () => {
    const store = new DatabaseSync(join(data, 'sealmq.db'))
    const before = store.prepare('select position, record from audit_records order by position limit 1 offset 2').get()!
    const record = String(before.record).replace('"action":"', '"action":"x')
    expect(
      store.prepare('update audit_records set record = ? where position = ?').run(record, before.position!).changes,
    ).toBe(1)
    store.close()
    await desk.button('Verify').click()
    await desk.text(/wrong with the log/).waitFor()
    await desk
      .text(new RegExp(`record ${before.position}\\b`, 'i'))
      .first()
      .waitFor()
    await desk.expectAccessible()
    await desk.close()
  })
})
