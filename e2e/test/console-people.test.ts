import { TOTP } from 'otpauth'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConsolePage, launchChromium } from './console-page.ts'
import { Outbox } from './outbox.ts'
import { Installation, serve, temporaryFolder } from './sealmq-process.ts'

const adminPassword = 'correct horse battery staple'
const password = 'quiet river under seven bridges'
const admin = 'ada@plant.example'
const grace = 'grace@plant.example'

describe('people at the console', () => {
  const data = temporaryFolder()
  const outbox = new Outbox(data)
  const installation = new Installation()
  let browser: Browser
  let url: string
  let setupCode: string
  let desk: ConsolePage
  let person: ConsolePage
  beforeAll(async () => {
    const ready = await serve(installation, data, '--resend-seconds', '1')
    url = ready.http
    setupCode = ready.setupCode!
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    installation.stop()
  })

  it('set up the authority with the code that its start prints', async () => {
    desk = await ConsolePage.open(browser, url, '/')
    await desk.heading('Set up this authority').waitFor()
    await desk.expectAccessible()
    await desk.field('Setup code').fill('AAAAA-AAAAA-AAAAA-AAAAA')
    await desk.field('Email').fill(admin)
    await desk.field('Your name').fill('Ada')
    await desk.password('Password').fill(adminPassword)
    await desk.button('Make the administrator').click()
    await desk.page.getByRole('alert').waitFor()
    await desk.field('Setup code').fill(setupCode)
    await desk.button('Make the administrator').click()
    await desk.heading('First steps').waitFor()
    await desk.expectAccessible()
  })

  it('send themselves a first sealed message, and see what the broker saw', async () => {
    await desk.button('Send a test mail').click()
    await desk.text(/written into the folder outbox/).waitFor()
    await desk.button('Seal and send').click()
    await desk.text('verified sender').waitFor()
    await desk.expectAccessible()
    await desk.go('/account')
    await desk.heading('Your account').waitFor()
    await desk.expectAccessible()
  })

  it('ask for an account, prove their address and wait', async () => {
    person = await ConsolePage.open(browser, url, '/sign-up')
    await person.field('Email').fill(grace)
    await person.field('Your name').fill('Grace')
    await person.page.getByRole('combobox', { name: 'Role that you ask for' }).click()
    await person.page.getByRole('option', { name: 'sensor' }).click()
    await person.password('Password').fill('password')
    await person.button('Send me a code').click()
    await person.page.getByRole('alert').waitFor()
    await person.expectAccessible()
    await person.password('Password').fill(password)
    await person.button('Send me a code').click()
    await person.heading('Prove your address').waitFor()
    await person.button('Send a new code').waitFor()
    await person.expectAccessible()
    const code = await outbox.code(grace)
    await person.code(code === '111111' ? '222222' : '111111')
    await person.text(/The code is wrong/).waitFor()
    await person.code(code)
    await person.heading('Waiting for approval').waitFor()
  })

  it('are approved by an administrator, and by nobody else', async () => {
    await desk.page.getByRole('link', { name: 'People' }).click()
    const row = desk.page.getByRole('row', { name: /Grace/ })
    await row.getByText('asks for sensor').waitFor()
    await desk.expectAccessible()
    await row.getByRole('button', { name: 'Approve' }).click()
    await row.getByText('active', { exact: true }).waitFor()
    await row.getByRole('button', { name: 'Actions for Grace' }).click()
    await desk.page.getByRole('menuitem', { name: 'Remove' }).waitFor()
    await desk.page.keyboard.press('Escape')
  })

  it('sign in with a mailed code, and see their rights', async () => {
    await person.go('/account')
    await person.signIn(grace, password)
    await person.code(await codeAfter(grace, person))
    await person.heading('Your account').waitFor()
    await person.go('/admin')
    await person.text('You are signed in, but your role does not administer. Ask an administrator.').waitFor()
    await person.go('/account')
  })

  it('add an authenticator, keep its recovery codes, and sign in with it', async () => {
    await person.button('Add an authenticator').click()
    const secret = (await person.page.locator('code').first().textContent())!.replaceAll(' ', '')
    await person.expectAccessible()
    const totp = new TOTP({ secret })
    await person.code(totp.generate())
    await person.text('Keep these recovery codes').waitFor()
    const recovery = (await person.page.locator('pre').textContent())!.trim().split('\n')
    expect(recovery).toHaveLength(10)
    const download = person.page.waitForEvent('download')
    await person.button('Download').click()
    expect((await download).suggestedFilename()).toBe('sealmq-recovery-codes.txt')
    await person.button('I have kept them').click()
    await person.button('Sign out').click()
    await person.signIn(grace, password)
    await person.button('Use a recovery code').click()
    await person.field('Recovery code').fill(recovery[0]!)
    await person.button('Continue').click()
    await person.text('9 of 10 recovery codes left').waitFor()
    await person.expectAccessible()
    await person.button('Sign out').click()
  })

  it('are locked after three wrong passwords, told in one sentence, and come in again with a mailed code', async () => {
    const stranger = await ConsolePage.open(browser, url)
    const told: string[] = []
    for (const name of [grace, grace, grace, 'nobody@plant.example']) {
      await stranger.signIn(name, 'a wrong guess')
      const alert = stranger.page.getByRole('alert')
      await alert.waitFor()
      told.push((await alert.textContent())!)
      await stranger.page.reload()
    }
    expect(new Set(told)).toEqual(new Set(['Name or password is wrong.']))
    const row = desk.page.getByRole('row', { name: /Grace/ })
    await desk.page.reload()
    await row.getByText(/locked until/).waitFor()
    await stranger.page.getByRole('link', { name: 'Forgot password?' }).click()
    await stranger.field('Email or user name').fill(grace)
    await stranger.button('Send me a code').click()
    const { text } = await outbox.next(grace, ({ subject }) => /password/i.test(subject))
    await stranger.expectAccessible()
    await stranger.field('Code').fill(/^\d{6}$/m.exec(text)![0])
    await stranger.password('New password').fill('seven quiet bridges over a river')
    await stranger.button('Set password').click()
    await stranger.text('The new password is set, and all sessions have ended. Sign in.').waitFor()
    await stranger.close()
  })

  it('leave nothing secret in storage or addresses', async () => {
    const kept = await desk.page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
    )
    expect(kept).not.toMatch(/token|password|@plant/)
    await desk.close()
    await person.close()
  })

  const codeAfter = async (to: string, at: ConsolePage) => {
    await at.text('We have sent six digits to your address.').waitFor()
    return outbox.code(to)
  }
})
