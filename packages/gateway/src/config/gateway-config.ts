import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { topicFilterFault } from '@sealmq/protocol'
import { legacyFormat } from '../formats/legacy.ts'
import { type PayloadFormat, rawFormat } from '../formats/payload-format.ts'
import { sparkplugFormat } from '../formats/sparkplug.ts'
import { GatewayError } from '../gateway-error.ts'
import { isPasswordHash } from '../machines/password-hash.ts'
import { checkRules } from '../rules/check-rules.ts'
import type { Rule } from '../rules/rule.ts'
import { parseTemplate } from '../rules/topic-template.ts'
import { readLegacyKeys } from './legacy-keys-file.ts'
import { readPasswordFile, readSecretFile } from './secret-file.ts'
import type { ListenSetting, LocalBrokerSetting, RuleSetting, UserSetting } from './settings.ts'
import { parseSettings, type SettingsFile } from './settings-file.ts'

/** A machine and what it may do at the listener. */
export interface MachineUser {
  user: string
  secret: { password: string } | { hash: string }
  publish: readonly string[]
  subscribe: readonly string[]
}

/** The gateway's own listener for machines. */
export interface ListenerConfig {
  kind: 'listener'
  host: string
  port: number
  /** PEM; null: plain. */
  tls: { cert: string; key: string } | null
  users: readonly MachineUser[]
  maximumConnections: number
  /** Bytes. */
  maximumPacketLength: number
}

/** A broker that the machines have already. */
export interface LocalBrokerConfig {
  kind: 'broker'
  url: string
  user: string | null
  password: string | null
  /** PEM. */
  ca: string | null
  clientId: string
  mqtt5: boolean
  /** Bytes. */
  maximumPacketLength: number
}

export interface QueueConfig {
  folder: string
  maximumMessages: number
  /** Bytes. */
  maximumBytes: number
  whenFull: 'drop-oldest' | 'refuse-newest'
}

/** A configuration that was read and checked, but for the rights. */
export interface GatewayConfig {
  /** null: the default of the command line. */
  home: string | null
  plantBroker: string | null
  mqtt5: boolean
  machines: ListenerConfig | LocalBrokerConfig
  queue: QueueConfig
  rules: readonly Rule[]
  /** Of 127.0.0.1; null: no metrics. */
  metricsPort: number | null
  logLevel: string
  /** ms. */
  countsEvery: number
}

/**
 * Reads and checks a configuration file and the files that it names; paths are relative to it.
 * @throws GatewayError `bad-config`, `unsafe-file`, `rules-overlap`, `rules-loop`, `rules-sparkplug`
 */
export async function readGatewayConfig(path: string): Promise<GatewayConfig> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new GatewayError('bad-config', `${path} cannot be read (${error.code}).`)
  })
  const file = parseSettings(path, text)
  const { settings } = file
  const folder = dirname(resolve(path))
  const within = (name: string) => resolve(folder, name)
  const rules = await Promise.all(settings.rules.map((rule, index) => readRule(file, rule, index, within)))
  checkRules(rules)
  const { plant = {}, queue, metrics, log = {} } = settings
  return {
    home: plant.home === undefined ? null : within(plant.home),
    plantBroker: plant.broker ?? null,
    mqtt5: plant.mqtt5 ?? false,
    machines: await readMachines(file, within),
    queue: {
      folder: within(queue.folder),
      maximumMessages: queue.maximumMessages ?? 1_000_000,
      maximumBytes: queue.maximumBytes ?? 1024 ** 3,
      whenFull: queue.whenFull ?? 'drop-oldest',
    },
    rules,
    metricsPort: metrics?.port ?? null,
    logLevel: log.level ?? 'info',
    countsEvery: (log.countsEvery ?? 60) * 1000,
  }
}

async function readRule(
  { placeOf }: SettingsFile,
  setting: RuleSetting,
  index: number,
  within: (name: string) => string,
): Promise<Rule> {
  const at = (key?: string) => placeOf(key === undefined ? ['rules', index] : ['rules', index, key])
  checkFilter(setting.from, at('from'))
  const to = parseTemplate(setting.to, setting.from)
  if (typeof to === 'string') throw new GatewayError('bad-config', `${at('to')}: ${to}`)
  const { format = 'raw', keys } = setting
  if ((format === 'legacy') !== (keys !== undefined)) {
    throw new GatewayError('bad-config', `${at('keys')}: the format legacy and keys belong together.`)
  }
  const formats: Record<typeof format, () => Promise<PayloadFormat> | PayloadFormat> = {
    raw: () => rawFormat,
    sparkplug: () => sparkplugFormat,
    legacy: async () => legacyFormat(await readLegacyKeys(within(keys!), at('keys'))),
  }
  return {
    direction: setting.direction,
    from: setting.from,
    to,
    qos: setting.qos === 0 ? 0 : 1,
    retain: setting.retain ?? false,
    format: await formats[format](),
    first: setting.first ?? false,
    timeToLive: setting.timeToLive ?? null,
    contentType: setting.contentType ?? null,
    place: at(),
  }
}

function checkFilter(filter: string, place: string): void {
  const fault = topicFilterFault(filter)
  if (fault) throw new GatewayError('bad-config', `${place}: ${filter}: ${fault}`)
  if (filter.startsWith('$')) {
    throw new GatewayError('bad-config', `${place}: ${filter}: topics that begin with $ belong to the broker.`)
  }
}

async function readMachines(file: SettingsFile, within: (name: string) => string) {
  const { listen, broker } = file.settings.machines
  if (listen && !broker) return readListener(file, listen, within)
  if (broker && !listen) return readLocalBroker(file, broker, within)
  throw new GatewayError('bad-config', `${file.placeOf(['machines'])}: machines takes either listen or broker.`)
}

async function readListener(
  file: SettingsFile,
  setting: ListenSetting,
  within: (name: string) => string,
): Promise<ListenerConfig> {
  const { placeOf } = file
  const { host = '127.0.0.1', port, allowPlain = false, maximumConnections = 1000 } = setting
  const tls = setting.tls ? await readListenerTls(file, setting.tls, within) : null
  if (!tls) checkPlain(host, allowPlain, placeOf(['machines', 'listen', 'host']), 'machines.listen')
  const users = await Promise.all(
    setting.users.map((user, index) => {
      const at = (key: string) => placeOf(['machines', 'listen', 'users', index, key])
      if (setting.users.findIndex((other) => other.user === user.user) !== index) {
        throw new GatewayError('bad-config', `${at('user')}: the user ${user.user} is there twice.`)
      }
      return readUser(user, at, within)
    }),
  )
  return { kind: 'listener', host, port, tls, users, maximumConnections, maximumPacketLength: packetLength(setting) }
}

async function readListenerTls(
  { placeOf }: SettingsFile,
  { certFile, keyFile }: NonNullable<ListenSetting['tls']>,
  within: (name: string) => string,
): Promise<{ cert: string; key: string }> {
  const at = (key: string) => placeOf(['machines', 'listen', 'tls', key])
  const tls = {
    cert: await readPem(within(certFile), at('certFile')),
    key: await readSecretFile(within(keyFile), at('keyFile')),
  }
  try {
    createSecureContext(tls)
  } catch (error) {
    // Of OpenSSL: a reason, nothing of what it read.
    const { code } = error as { code?: string }
    throw new GatewayError(
      'bad-config',
      `${at('certFile')}: ${certFile} and ${keyFile} are no PEM certificate with its unencrypted key (${code}).`,
    )
  }
  return tls
}

const readPem = (path: string, place: string) =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new GatewayError('bad-config', `${place}: ${path} cannot be read (${error.code}).`)
  })

async function readUser(
  { user, passwordFile, passwordHash, publish = [], subscribe = [] }: UserSetting,
  at: (key: string) => string,
  within: (name: string) => string,
): Promise<MachineUser> {
  if ((passwordFile === undefined) === (passwordHash === undefined)) {
    throw new GatewayError('bad-config', `${at('user')}: ${user} needs either passwordFile or passwordHash.`)
  }
  if (passwordHash !== undefined && !isPasswordHash(passwordHash)) {
    throw new GatewayError(
      'bad-config',
      `${at('passwordHash')}: not a hash that sealmq gateway --hash-password prints.`,
    )
  }
  for (const filter of publish) checkFilter(filter, at('publish'))
  for (const filter of subscribe) checkFilter(filter, at('subscribe'))
  const secret =
    passwordHash === undefined
      ? { password: await readPasswordFile(within(passwordFile!), at('passwordFile')) }
      : { hash: passwordHash }
  return { user, secret, publish, subscribe }
}

async function readLocalBroker(
  { placeOf }: SettingsFile,
  setting: LocalBrokerSetting,
  within: (name: string) => string,
): Promise<LocalBrokerConfig> {
  const at = (key: string) => placeOf(['machines', 'broker', key])
  const { url, user, passwordFile, caFile, clientId = 'sealmq-gateway', allowPlain = false } = setting
  const { protocol, hostname } = new URL(url)
  if (protocol === 'mqtt:') checkPlain(hostname.replaceAll(/[[\]]/g, ''), allowPlain, at('url'), 'machines.broker')
  const ca = caFile === undefined ? null : await readPem(within(caFile), at('caFile'))
  return {
    kind: 'broker',
    url,
    user: user ?? null,
    password: passwordFile === undefined ? null : await readPasswordFile(within(passwordFile), at('passwordFile')),
    ca,
    clientId,
    mqtt5: setting.mqtt5 ?? true,
    maximumPacketLength: packetLength(setting),
  }
}

const packetLength = ({ maximumPacketLength = 256 * 1024 }: { maximumPacketLength?: number }) => maximumPacketLength

function checkPlain(host: string, allowPlain: boolean, place: string, setting: string): void {
  const isLoopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  if (isLoopback || allowPlain) return
  throw new GatewayError(
    'bad-config',
    `${place}: on ${host} everybody on the network could read passwords and payloads. ${setting === 'machines.listen' ? 'Give it tls, or say' : 'Use mqtts://, or say'} ${setting}.allowPlain: true if that is meant.`,
  )
}
