import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuthorityClient, enrolSender, type Identity } from '@sealmq/client'
import { inspectEnvelope } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { runDemo } from '../demo-run.ts'
import { wholeNumber } from '../flags.ts'
import { note, print } from '../output.ts'
import { csvReadings, machineReading } from '../readings.ts'

interface DemoFlags {
  csv?: string
  messages: number
  json?: boolean
}

/** demo: everything at once, in a temporary folder. */
export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('start everything in a temporary folder, stream readings, show what each side sees, clean up')
    .option('--csv <file>', 'rows to publish; without it, load, memory and temperature of this machine')
    .option('--messages <n>', 'how many', wholeNumber(1, 1_000_000), 100)
    .option('--json', 'print one JSON object with the result')
    .action(demo)
}

async function demo({ csv, messages, json }: DemoFlags): Promise<void> {
  const rows = csv === undefined ? null : await csvReadings(csv)
  const reading = (index: number) => JSON.stringify(rows ? rows[index % rows.length] : machineReading(new Date()))
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-demo-'))
  const interrupted = Promise.withResolvers<never>()
  const interrupt = () => interrupted.reject(new Error('The demo was interrupted.'))
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const { startAuthority } = await import('@sealmq/server')
  const anyPort = { host: '127.0.0.1', port: 0 }
  const authority = await startAuthority({
    dataDir: folder,
    http: anyPort,
    mqtt: anyPort,
    tls: null,
    store: null,
    allowPlain: false,
    masterKey: null,
    logLevel: 'silent',
    name: 'SealMQ demo',
  })
  try {
    if (!json) note(`Authority ${authority.httpUrl} and broker ${authority.mqttUrl} run in ${folder}.`)
    const { publisher, subscriber } = await createMembers(authority.httpUrl, authority.setupCode!)
    const shown = (index: number, sides: { wrote: string; carried: Uint8Array; read: string; by: string }) => {
      if (!json) for (const line of sideBySide(index, sides)) print(line)
    }
    const run = runDemo({ publisher, subscriber, mqttUrl: authority.mqttUrl, messages, reading, shown })
    const result = await Promise.race([run, interrupted.promise])
    if (json) print(JSON.stringify(result))
    else {
      print('')
      for (const [name, value] of Object.entries(result)) {
        print(`${name.padEnd(26)} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
      }
    }
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    await authority.close()
    await rm(folder, { recursive: true, force: true })
  }
}

// The original's roles: "sensor" publishes readings; it and the administrator read them.
async function createMembers(url: string, code: string): Promise<{ publisher: Identity; subscriber: Identity }> {
  const open = new AuthorityClient({ url })
  const password = () => randomBytes(18).toString('base64url')
  const admin = await open.setUp({ code, email: 'admin@demo.invalid', name: 'Control room', password: password() })
  const authority = open.withToken(admin.token)
  const machine = { email: 'pump@demo.invalid', name: 'Pump 7', password: password(), roles: ['sensor'] }
  await authority.request('POST', routes.members, machine)
  const session = await open.logIn(machine)
  return {
    publisher: await enrolSender(open.withToken(session.token), nodeCryptography, 'demo publisher'),
    subscriber: await enrolSender(authority, nodeCryptography, 'demo subscriber'),
  }
}

function sideBySide(
  index: number,
  { wrote, carried, read, by }: { wrote: string; carried: Uint8Array; read: string; by: string },
) {
  const { epoch, sender } = inspectEnvelope(carried)
  const hex = Buffer.from(carried).toString('hex')
  return [
    `message ${index + 1}`,
    `  publisher wrote   ${shortened(wrote)}`,
    `  broker carried    ${shortened(hex)}  (${carried.length} bytes; epoch ${epoch}, sender ${sender})`,
    `  subscriber read   ${shortened(read)}  (verified: ${by})`,
  ]
}

const shortened = (text: string) => (text.length <= 96 ? text : `${text.slice(0, 95)}…`)
