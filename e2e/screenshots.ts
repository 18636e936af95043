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
const kim = { email: 'kim@plant.example', name: 'Kim', password, roles: ['sensor', 'controller'] }
await desk.page.evaluate(async (member) => {
  const body = JSON.stringify(member)
  await fetch('/api/v1/members', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}, kim)
await desk.go('/admin')
await desk.page.getByRole('row', { name: /Max/ }).waitFor()
await shoot('people')
await desk.go('/admin/channels')
await desk.button('Rotate sensor').waitFor()
await shoot('channels')
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
await desk.go('/publish')
await desk.heading('Publish').waitFor()
await shoot('sign-in-publish')
await desk.signIn(kim.email, kim.password)
await desk.page.getByRole('button', { name: 'iot/sensor' }).click()
await desk.text('JSON').click()
await desk.field('Payload').fill('{\n  "temperature": 21.5,\n  "unit": "°C"\n}')
await desk.field('Content type (sealed)').fill('application/json')
await desk.button('Send').click()
await desk.text('sealed → acknowledged by the broker').waitFor()
await desk.field('Topic').fill('iot/login')
await desk.button('Send').click()
await desk.text(/\[not-permitted\]/).waitFor()
await desk.field('Topic').fill('iot/sensor')
await shoot('publish')
await desk.page.setViewportSize({ width: 390, height: 844 })
await shoot('publish-phone')
await desk.page.setViewportSize({ width: 1280, height: 800 })
await desk.page.getByRole('button', { name: /What the broker sees of iot/ }).click()
await desk.text(/an overhead of/).waitFor()
await shoot('publish-broker-sees')
await desk.close()
await browser.close()
installation.stop()
