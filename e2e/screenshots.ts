import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { AuthorityClient, enrolSender } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import mqtt from 'mqtt'
import { ConsolePage, launchChromium } from './test/console-page.ts'
import { Installation, serve, temporaryFolder } from './test/sealmq-process.ts'

// Takes the screenshots of docs/screenshots anew: each page of the console, light and dark. npm run screenshots

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url))
const password = 'correct horse battery staple'
mkdirSync(folder, { recursive: true })
const installation = new Installation()
const data = temporaryFolder()
const { http, mqtt: brokerUrl, setupCode } = await serve(installation, data, '--resend-seconds', '1')
const browser = await launchChromium()
const desk = await ConsolePage.open(browser, http, '/')
const shoot = async (name: string) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await desk.settle()
    await desk.page.screenshot({ path: `${folder}${name}-${colorScheme}.png` })
  }
}
/** A plant's readings at the desk of its subscriber. */
async function shootSubscriber(): Promise<void> {
  const open = new AuthorityClient({ url: http })
  const { token } = await open.logIn({ email: 'ada@plant.example', password })
  for (const [email, name, roles] of [
    ['pump-7@plant.example', 'Pump 7', ['sensor']],
    ['rosalind@plant.example', 'Rosalind', ['sensor', 'controller']],
  ] as const) {
    await open.withToken(token).request('POST', routes.members, { email, name, password, roles })
  }
  const session = await open.logIn({ email: 'pump-7@plant.example', password })
  const identity = await enrolSender(open.withToken(session.token), nodeCryptography, 'gateway')
  const pump = await connectAsync({ identity })
  await desk.signIn('rosalind@plant.example', password)
  await desk.text('Broker: connected').waitFor()
  const rows = desk.page.getByRole('region', { name: 'Messages' }).getByRole('button')
  for (let index = 0; index < 60; index++) {
    const reading = { temperature: 21 + Math.sin(index / 4), pressure: 2.4 + index / 90, pump: 'running' }
    const sealed = await pump.publishAsync('iot/sensor', JSON.stringify(reading), { qos: 1 })
    if (index % 9 === 0) await pump.publishAsync('iot/control', `valve ${index}`, { qos: 1 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    if (index !== 57) continue
    const forged = Buffer.from(sealed.envelope)
    forged[forged.length - 1]! ^= 1
    const hand = await mqtt.connectAsync(brokerUrl, { ...identity.broker, clientId: `sealmq-${identity.sender}-hand` })
    await hand.publishAsync('iot/sensor', forged, { qos: 1 })
    await hand.endAsync()
  }
  await rows.filter({ hasText: 'rejected' }).first().waitFor()
  await rows.nth(8).waitFor()
  await shoot('subscribe')
  await rows.filter({ hasText: 'temperature' }).first().click()
  await desk.page.getByRole('tab', { name: 'What the broker sees' }).click()
  await shoot('subscribe-wire')
  await desk.page.getByRole('tab', { name: 'Chart' }).click()
  await desk.page.getByRole('img', { name: /over time/ }).waitFor()
  await shoot('subscribe-chart')
  await desk.page.keyboard.press('Escape')
  await desk.page.getByRole('link', { name: 'Traffic' }).click()
  await desk.heading('Traffic').waitFor()
  await shoot('traffic')
  await desk.page.getByRole('link', { name: 'Subscribe' }).click()
  await desk.page.setViewportSize({ width: 390, height: 800 })
  await desk.heading('Subscribe').waitFor()
  await shoot('subscribe-phone')
  await desk.page.setViewportSize({ width: 1280, height: 800 })
  await desk.button('Sign out').click()
  await desk.text('Watch your channels live.').waitFor()
  await pump.endAsync()
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
await desk.go('/subscribe')
await desk.text('Watch your channels live.').waitFor()
await shoot('sign-in-subscribe')
await shootSubscriber()
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
