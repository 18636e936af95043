import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConsolePage, launchChromium } from './test/console-page.ts'
import { Installation, serve, temporaryFolder } from './test/sealmq-process.ts'

// Takes the screenshots of docs/screenshots anew: each page of the console, light and dark. npm run screenshots

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const password = 'correct horse battery staple'
mkdirSync(folder, { recursive: true })
const installation = new Installation()
const data = temporaryFolder()
const { http, setupCode } = await serve(installation, data, '--resend-seconds', '1')
const browser = await launchChromium()
const desk = await ConsolePage.open(browser, http, '/')
const shoot = async (name: string) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await desk.settle()
    await desk.page.screenshot({ path: `${folder}${name}-${colorScheme}.png` })
  }
}
await desk.heading('Set up this authority').waitFor()
await shoot('setup')
await desk.field('Setup code').fill(setupCode!)
await desk.field('Email').fill('ada@plant.example')
await desk.field('Your name').fill('Ada')
await desk.password('Password').fill(password)
await desk.button('Make the administrator').click()
await desk.heading('Your account').waitFor()
await desk.text(/last used/).waitFor()
await shoot('account')
for (const [email, name, role] of [
  ['grace@plant.example', 'Grace', 'viewer'],
  ['lin@plant.example', 'Lin', 'viewer'],
  ['max@plant.example', 'Max', 'sensor'],
] as const) {
  await desk.page.evaluate(
    async ([email, name, role]) => {
      const body = JSON.stringify({ email, name, roles: [role] })
      await fetch('/api/v1/members/invite', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    },
    [email, name, role],
  )
}
await desk.go('/admin')
await desk.page.getByRole('row', { name: /Max/ }).waitFor()
await shoot('people')
await desk.go('/admin/channels')
await desk.button('Rotate sensor').waitFor()
await shoot('channels')
await desk.go('/admin/roles')
await desk.page.getByRole('button', { name: /^sensor on sensor:/ }).waitFor()
await shoot('roles')
await desk.field('Member or device').fill('max@plant.example')
await desk.field('Topic or filter').fill('iot/controller')
await desk.button('Ask').click()
await desk.text(/^(No\.|Yes:) /).waitFor()
await shoot('rights-question')
await desk.page.getByRole('button', { name: /^sensor on sensor:/ }).click()
await desk.page.getByLabel('Only on these topics').check()
await desk.field('Topics, one a line').fill('iot/sensor')
await shoot('grant')
await desk.button('Cancel').click()
await desk.go('/admin/channels')
await desk.button('New channel').click()
await shoot('channel')
await desk.button('Cancel').click()
await desk.go('/admin/devices')
for (const name of ['pump-1', 'pump-2', 'press-4']) {
  await desk.button('Add a device').first().click()
  await desk.field('Name').fill(name)
  await desk.page.getByRole('combobox', { name: 'Roles' }).click()
  await desk.page.getByRole('option', { name: 'sensor' }).click()
  await desk.page.keyboard.press('Escape')
  await desk.page.getByRole('dialog').getByRole('button', { name: 'Add a device' }).click()
  await desk.page.getByRole('img', { name: 'The ticket as a QR code' }).waitFor()
  if (name === 'press-4') await shoot('ticket')
  await desk.button('Done').click()
}
await shoot('devices')
await desk.go('/admin/clients')
await desk.text('Nobody is connected.').waitFor()
await shoot('clients')
await desk.go('/admin/system')
await desk.page.locator('canvas').nth(2).waitFor()
await desk.page.waitForResponse((answer) => answer.url().endsWith('/api/v1/system'))
await shoot('system')
await desk.go('/audit')
await desk.button('Verify').click()
await desk.text(/records is whole|are proved/).waitFor()
await shoot('audit')
await desk.go('/account')
await desk.button('Sign out').click()
await desk.field('Email or user name').waitFor()
await shoot('sign-in')
await desk.go('/admin')
await desk.heading('Administration').waitFor()
await shoot('sign-in-administration')
await desk.go('/sign-up')
await desk.heading('Ask for an account').waitFor()
await shoot('sign-up')
await desk.go('/forgot-password')
await desk.heading('Forgot password').waitFor()
await shoot('forgot-password')
await desk.close()
await browser.close()
installation.stop()
