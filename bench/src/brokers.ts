import { fork, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { AuthorityClient, enrolSender, type Identity } from '@sealmq/client'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { freePort } from '../../scripts/free-port.ts'
import { auditedTopics, topics } from './variants.ts'

/** What runs beside the peers, to be ended in any case. */
export interface Running {
  stop(): Promise<void>
}

/** Mosquitto on a free port, open to all, without limits on its queues. */
export async function startMosquitto(): Promise<Running & { url: string; version: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-bench-mosquitto-'))
  await chmod(folder, 0o755)
  const port = await freePort()
  const configuration = join(folder, 'mosquitto.conf')
  const settings = [`listener ${port} 127.0.0.1`, 'allow_anonymous true', 'max_queued_messages 0', 'log_dest stderr']
  await writeFile(configuration, `${settings.join('\n')}\n`)
  const child = spawn('mosquitto', ['-c', configuration], { stdio: ['ignore', 'ignore', 'pipe'] })
  let version = ''
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      version ||= /mosquitto version ([\d.]+)/.exec(line)?.[1] ?? ''
      if (line.endsWith(' running')) resolve()
    })
    child.once('error', () => reject(new Error('mosquitto is not installed: apt-get install mosquitto')))
    child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}`)))
  })
  return {
    url: `mqtt://127.0.0.1:${port}`,
    version,
    stop: async () => {
      child.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** µs of processor time since the start. */
export interface ProcessorTime {
  eventLoop: number
  /** Of all threads. */
  all: number
}

export interface RunningAuthorityProcess extends Running {
  httpUrl: string
  mqttUrl: string
  administrator: AuthorityClient
  publisher: Identity
  subscriber: Identity
  processorTime(): Promise<ProcessorTime>
}

/** The authority with its embedded broker, and a publisher and subscriber enrolled in channels for the bench. */
export async function startAuthorityProcess(): Promise<RunningAuthorityProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-bench-'))
  const child = fork(fileURLToPath(new URL('./authority-process.ts', import.meta.url)), [folder])
  const ready = await new Promise<{ httpUrl: string; mqttUrl: string; setupCode: string }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { httpUrl: string; mqttUrl: string; setupCode: string }))
    child.once('exit', (code) => reject(new Error(`the authority ended with ${code}`)))
  })
  const password = randomBytes(18).toString('base64url')
  const open = new AuthorityClient({ url: ready.httpUrl })
  const { token } = await open.setUp({ code: ready.setupCode, email: 'bench@bench.invalid', name: 'bench', password })
  const authority = open.withToken(token)
  const channels = [
    { name: 'plain', filters: [topics.plain, topics.original] },
    { name: 'sealed', filters: [topics.sealed], signing: 'off' },
    { name: 'signed', filters: [topics['sealed+signed']] },
    { name: 'audit off', filters: [auditedTopics.off], audit: 'off' },
    { name: 'audit every message', filters: [auditedTopics['every-message']], audit: 'every-message' },
  ]
  for (const channel of channels)
    await authority.request('POST', routes.channels, { ...channel, name: `bench ${channel.name}` })
  const grants = channels.flatMap(({ name }) =>
    (['publish', 'subscribe'] as const).map((right) => ({ channel: `bench ${name}`, right })),
  )
  await authority.request('POST', routes.roles, { name: 'bench', grants })
  const member = { email: 'peer@bench.invalid', name: 'peer', password, roles: ['bench'] }
  await authority.request('POST', routes.members, member)
  const session = open.withToken((await open.logIn(member)).token)
  return {
    httpUrl: ready.httpUrl,
    mqttUrl: ready.mqttUrl,
    administrator: authority,
    processorTime: () =>
      new Promise((resolve) => {
        child.once('message', (times) => resolve(times as ProcessorTime))
        child.send('processor time')
      }),
    publisher: await enrolSender(session, nodeCryptography, 'publisher'),
    subscriber: await enrolSender(session, nodeCryptography, 'subscriber'),
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.disconnect()
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}
