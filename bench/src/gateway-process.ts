import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Identity } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import { createLogger, Gateway, readGatewayConfig } from '@sealmq/gateway'
import { topics } from './variants.ts'

/** What it needs to connect. */
export interface GatewayOrder {
  identity: Identity
  brokerUrl: string
}

/** Where machines are taken. */
export interface GatewayReady {
  address: string
  user: string
  password: string
}

// A gateway in a process of its own; its folder is the first argument.
const folder = process.argv[2]!
process.on('message', (message: GatewayOrder | 'cpu') => {
  if (message === 'cpu') {
    const { user, system } = process.cpuUsage()
    process.send!(user + system)
  } else void begin(message)
})

async function begin({ identity, brokerUrl }: GatewayOrder): Promise<void> {
  const password = randomBytes(18).toString('base64url')
  await writeFile(join(folder, 'password'), password, { mode: 0o600 })
  const path = join(folder, 'gateway.json')
  await writeFile(
    path,
    JSON.stringify({
      machines: { listen: { port: 0, users: [{ user: 'machine', passwordFile: 'password', publish: ['machine/#'] }] } },
      queue: { folder: 'queue' },
      rules: [{ direction: 'up', from: 'machine/value', to: topics['sealed+signed'] }],
    }),
  )
  const config = await readGatewayConfig(path)
  const gateway = new Gateway({
    config,
    connect: (on) => connectAsync({ identity, brokerUrl, clientIdSuffix: 'gateway', on }),
    logger: createLogger('error'),
  })
  process.once('disconnect', () => void gateway.stop().then(() => process.exit()))
  await gateway.start()
  process.send!({ address: gateway.address(), user: 'machine', password } satisfies GatewayReady)
}
