import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { AuditOrigin } from '@sealmq/audit-log'
import { printable, type SettingInfo } from '@sealmq/protocol/api'
import type { FastifyInstance } from 'fastify'
import { finishRestore } from './administration/after-restore.ts'
import { applyChange, type ChangeContext } from './administration/change.ts'
import { ChangeFeed } from './administration/change-feed.ts'
import { seedDefaults } from './administration/defaults.ts'
import { Outbox } from './administration/outbox.ts'
import { RightsSnapshot } from './administration/rights.ts'
import { system } from './audit/actors.ts'
import { appendRecords } from './audit/append.ts'
import { AuditCounts } from './audit/audit-counts.ts'
import { AuditDuties } from './audit/audit-duties.ts'
import { AuditLog } from './audit/audit-log.ts'
import { recordStart, recordStop } from './audit/authority-records.ts'
import { type CheckpointSetting, checkCheckpointSetting, checkpointPlaces } from './audit/checkpoint-places.ts'
import { refuseTopicOfChannel } from './audit/checkpoint-topic.ts'
import { tellDiskLow } from './audit/disk-low.ts'
import { type DiskSpace, DiskWatch, readDiskSpace } from './audit/disk-space.ts'
import { loadLogKey } from './audit/log-key.ts'
import { MessageAudit } from './audit/messages/message-audit.ts'
import { startCheckWorker } from './audit/messages/message-checker.ts'
import type { MessageDirectory } from './audit/messages/message-directory.ts'
import { type RecordingContext, recorded } from './audit/recording.ts'
import { RefusalLog } from './audit/refusal-log.ts'
import { describeSettings } from './audit/serve-settings.ts'
import { StartError } from './authority-error.ts'
import { exists } from './backup/backup.ts'
import { EmbeddedBroker } from './broker/embedded/index.ts'
import type { Broker } from './broker/interface.ts'
import type { BrokerSetting } from './broker/mosquitto/broker-setting.ts'
import { observerPassword, readDesiredState } from './broker/mosquitto/desired-state.ts'
import { readRolePolicies } from './broker/mosquitto/role-policies.ts'
import type { Authority } from './http/authority.ts'
import { ownOrigins } from './http/own-origins.ts'
import { createHttpServer } from './http/server.ts'
import { CodeHasher } from './identity/code-hash.ts'
import { sweepSenders } from './identity/ending-sessions.ts'
import type { IdentityContext } from './identity/identity-context.ts'
import { defaultIdentitySettings, type IdentitySettings } from './identity/settings.ts'
import { renewSetupCode } from './identity/setup-code.ts'
import { loadDeployment, newestTime, storeIsNew } from './keys/authority-key.ts'
import { KeyringBuilder } from './keys/keyring.ts'
import { loadMasterKey } from './keys/master-key.ts'
import { listenOn } from './listen.ts'
import { createLogger, type Logger, logLevels } from './logger.ts'
import { isLoopback } from './loopback.ts'
import type { MailSetting } from './mail/mail.ts'
import { MailQueue } from './mail/mail-queue.ts'
import { readMailFrom } from './mail/mail-setting.ts'
import { outboxTransport } from './mail/outbox-transport.ts'
import { smtpTransport } from './mail/transport.ts'
import { Repeated } from './repeated.ts'
import { type Schedule, unheldTimer } from './schedule.ts'
import { openStore, requirePostgres } from './store/open-store.ts'
import { lockStore } from './store/store-lock.ts'
import { loadTls, type TlsSetting } from './tls/load-tls.ts'

export interface ServeOptions {
  dataDir: string
  http: { host: string; port: number }
  /** Of the embedded broker. */
  mqtt: { host: string; port: number }
  /** A broker apart; null: the embedded one. */
  broker?: BrokerSetting | null
  tls: TlsSetting | null
  /** null: SQLite in the data folder; else `postgres://…`. */
  store: string | null
  /** Plain transport also beyond loopback. */
  allowPlain: boolean
  /** base64url of 32 bytes, or null: the file master.key in the data folder. */
  masterKey: string | null
  logLevel: string
  /** What the deployment is called. */
  name: string | null
  /** The mail server; null: mail is written to the folder outbox in the data folder. */
  mail?: MailSetting | null
  /** Sender of mail, `Name <address>`. */
  mailFrom?: string | null
  /** Under which people reach it when a proxy is in front, for example `https://sealmq.plant.example`. */
  publicUrl?: string | null
  /** Source addresses are those that the proxy in front says. */
  trustProxy?: boolean
  /** Folder of the built console; without it only the API is served. */
  consoleFolder?: string | null
  /** What administrators are shown of the settings: nothing secret. */
  shownSettings?: readonly SettingInfo[]
  /** What differs from the defaults. */
  identity?: Partial<IdentitySettings>
  /** Where checkpoints of the audit log are published by themselves. */
  checkpoints?: Partial<CheckpointSetting>
  /** The clock, ms; the system's when it is left out. */
  now?: () => number
  /** The timers of the audit; the system's when it is left out. */
  schedule?: Schedule
  /** The disk of the data folder. */
  diskSpace?: () => Promise<DiskSpace>
}

export interface RunningAuthority {
  httpUrl: string
  mqttUrl: string
  /** Until the first administrator exists. */
  setupCode: string | null
  /** The local CA's certificate, to be trusted by clients; null without `--tls`. */
  caFile: string | null
  close(): Promise<void>
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
/** ms that the answer to a change waits for a broker apart. */
const longestSettling = 1000
/** ms that the clock may stand before the last change of the store without a word. */
const clockTolerance = 60_000

const recordedFilters = ({ channels }: MessageDirectory) =>
  channels.filter(({ level }) => level !== 'off').flatMap(({ filters }) => filters)

/** How often senders of sessions that are over by their time are ended, ms; they may do nothing before that already. */
export const sweepInterval = 30_000

/** Composes and starts the authority. @throws StartError with every code */
export async function startAuthority(options: ServeOptions): Promise<RunningAuthority> {
  checkSettings(options)
  refusePlainBeyondLoopback(options)
  const logger = createLogger(options.logLevel)
  await makeFolder(options.dataDir)
  const now = options.now ?? (() => Date.now())
  const undo: (() => Promise<void>)[] = []
  try {
    return await compose(options, logger, now, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step().catch(() => {})
    throw error
  }
}

async function compose(
  options: ServeOptions,
  logger: Logger,
  now: () => number,
  undo: (() => Promise<void>)[],
): Promise<RunningAuthority> {
  const { dataDir, checkpoints = {}, schedule = unheldTimer } = options
  await checkCheckpointSetting(checkpoints, options.allowPlain)
  const tls = options.tls ? await loadTls(options.tls, join(dataDir, 'tls'), now()) : null
  if (options.store !== null) requirePostgres(options.store)
  const masterKeyFile = join(dataDir, 'master.key')
  const location = options.store ?? join(dataDir, 'sealmq.db')
  if (options.store === null && (await exists(masterKeyFile)) && !(await exists(location))) {
    // A new store in its place would be a new deployment, open to whoever reads the setup code.
    throw new StartError(
      'store-missing',
      `The store ${location} is gone, but its master key is there. Restore a backup into another --data folder, or move ${dataDir} away to begin anew.`,
    )
  }
  const store = await openStore(location)
  undo.push(() => store.destroy())
  const unlock = options.store === null ? async () => {} : await lockStore(options.store)
  undo.push(unlock)
  const isNew = await storeIsNew(store)
  const masterKey = await loadMasterKey(options.masterKey, masterKeyFile, isNew)
  const identity = await loadDeployment(store, masterKey, options.name)
  const behind = (await newestTime(store)) - now()
  if (behind > clockTolerance) {
    logger.warn(
      { behindSeconds: Math.round(behind / 1000) },
      'the clock stands before the last change of the store: clients refuse messages as stale until it has caught up. Correct the clock',
    )
  }
  const logKey = await loadLogKey(store, masterKey, identity.deployment)
  const checkpointTopic = checkpoints.topic ?? null
  const rights = new RightsSnapshot(store, now, checkpointTopic)
  const feed = new ChangeFeed()
  const messages = new MessageAudit({
    startWorker: () => startCheckWorker(identity.deployment),
    directory: () => rights.directory,
    append: (records) => store.transaction().execute((transaction) => appendRecords(transaction, records, now())),
    logger,
    now,
    every: (interval, work) => {
      const timer = setInterval(work, interval)
      return { end: () => clearInterval(timer) }
    },
  })
  const apart = options.broker ?? null
  let formerTopic: string | null = null
  // Loaded only when used: the embedded broker needs no client.
  const broker: Broker = apart
    ? new (await import('./broker/mosquitto/index.ts')).MosquittoBroker({
        ...apart,
        desired: () => readDesiredState(store, masterKey, { checkpoints: checkpointTopic, former: formerTopic }, now()),
        recorded: () => recordedFilters(rights.directory),
        observerPassword: observerPassword(masterKey),
        witness: messages,
        policies: () => readRolePolicies(store),
        ready: () => void outbox.run(),
        logger,
        now,
      })
    : new EmbeddedBroker({
        ...options.mqtt,
        folder: join(dataDir, 'broker'),
        tls,
        policy: rights,
        witness: messages,
        logger,
        now,
      })
  const auditCounts = new AuditCounts()
  const places = checkpointPlaces(checkpoints, broker, {
    schedule,
    logger,
    failed: (place) => auditCounts.publishFailed(place),
  })
  const audit = await AuditLog.open({
    store,
    key: logKey,
    now,
    published: (checkpoint) => {
      for (const place of places) place.publish(checkpoint)
    },
  })
  const outbox = new Outbox({ store, rights, broker, announce: (revision) => feed.announce(revision), logger })
  const recording: RecordingContext = {
    store,
    by: system,
    now,
    appendFailed: () => {
      auditCounts.appendFailures += 1
    },
  }
  const changes: ChangeContext = {
    ...recording,
    masterKey,
    deployment: identity.deployment,
    checkpointTopic,
    committed: (revision) => {
      const done = outbox.run(revision)
      // Whoever asked for a change is not kept waiting by a broker that is away or busy: the outbox goes on.
      return broker.capabilities.apart
        ? Promise.race([done, setTimeout(longestSettling, undefined, { ref: false })])
        : done
    },
  }
  // A topic of checkpoints in the way of the default channels is refused below, as one in the way of others.
  const withoutBroker = { ...changes, checkpointTopic: null, committed: async () => {} }
  const settings = { ...defaultIdentitySettings, ...options.identity }
  const before = await recordStart(recording, {
    version,
    engine: options.store === null ? 'sqlite' : 'postgres',
    settings: describeSettings(options, settings),
  })
  undo.push(() => recordStop(recording, { failed: true }))
  const seeded = await store.selectFrom('roles').select('id').limit(1).executeTakeFirst()
  if (!seeded) await applyChange(withoutBroker, seedDefaults)
  if (await finishRestore(store, withoutBroker)) logger.warn('restored from a backup: new epochs, no sessions')
  if (checkpointTopic !== null) await refuseTopicOfChannel(store, checkpointTopic)
  // A channel may take the topic next, and its readers would be given the last note.
  if (typeof before.checkpointTopic === 'string' && before.checkpointTopic !== checkpointTopic)
    formerTopic = before.checkpointTopic
  await rights.reload()
  undo.push(() => messages.stop())
  messages.start()
  undo.push(() => broker.stop())
  await broker.start()
  if (apart) logger.warn('connections and refused messages are not recorded: that needs the embedded broker')
  if (formerTopic !== null) {
    const cleared = broker.publishOwn(formerTopic, '')
    // One that is away keeps no start waiting.
    if (!broker.capabilities.apart) await cleared
    else
      void cleared.catch((error) =>
        logger.warn({ topic: formerTopic, reason: String(error) }, 'the last checkpoint stays retained'),
      )
  }
  const mail = new MailQueue({
    store,
    masterKey,
    transport: options.mail ? smtpTransport(options.mail) : outboxTransport(join(dataDir, 'outbox'), now),
    from: options.mail?.from ?? readMailFrom(options.mailFrom ?? null),
    now,
    logger,
  })
  undo.push(() => mail.stop())
  const keyrings = new KeyringBuilder({ ...recording, masterKey, identity, tokenTime: settings.tokenTime })
  const people = (by: AuditOrigin): IdentityContext => ({
    ...recording,
    by,
    changes: { ...changes, by },
    masterKey,
    codes: new CodeHasher(masterKey),
    settings,
    about: { deployment: identity.name },
    serverUrl: () => publicUrl ?? urlOf(tls ? 'https' : 'http', http.server.address() as AddressInfo, options.tls),
    mail,
    monotonic: () => performance.now(),
    wait: (ms) => setTimeout(ms),
  })
  const publicUrl = options.publicUrl ? new URL(options.publicUrl).origin : null
  const origins = () => {
    const { port } = http.server.address() as AddressInfo
    return [...ownOrigins(tls ? 'https' : 'http', hostNames(options), port), ...(publicUrl ? [publicUrl] : [])]
  }
  const refusals = new RefusalLog({
    record: (records) =>
      recorded(recording, async (_transaction, record) => {
        for (const { event, origin } of records) record(event, origin)
      }),
    failed: (error) => logger.error({ error: String(error) }, 'a refusal was not recorded'),
    schedule,
  })
  const disk = new DiskWatch({
    read: options.diskSpace ?? (() => readDiskSpace(dataDir)),
    becameLow: (space) => tellDiskLow(people(system), space),
    logger,
  })
  const duties = new AuditDuties({ audit, places, disk, refusals, recording, schedule, logger })
  const authority: Authority = {
    store,
    now,
    identity,
    settings,
    people,
    audit,
    refusals,
    auditCounts,
    disk,
    mail,
    keyrings,
    feed,
    broker,
    messages,
    started: {
      at: now(),
      version,
      engine: options.store === null ? 'sqlite' : 'postgres',
      settings: options.shownSettings ?? [],
    },
    brokerUrl: () => broker.address(),
    brokerElsewhere: apart !== null && (apart.publicUrl !== null || !isLoopback(apart.address.host)),
    ca: tls?.ca ?? null,
    secure: tls !== null || !isLoopback(options.http.host) || (publicUrl?.startsWith('https:') ?? false),
    ownOrigins: origins,
  }
  const http = await createHttpServer(
    authority,
    logger,
    tls,
    options.trustProxy ?? false,
    options.consoleFolder ?? null,
  )
  await http.ready()
  broker.attachWebSocket(http.server, origins)
  await listenOn(http.server, options.http.host, options.http.port, '--http')
  undo.push(() => closeHttp(http))
  const caughtUp = outbox.run()
  if (!broker.capabilities.apart) await caughtUp
  mail.wake()
  const sweep = new Repeated({
    interval: sweepInterval,
    work: () => sweepSenders(people(system)),
    failed: (error) => logger.error({ error: String(error) }, 'senders of sessions that are over were not ended'),
    schedule,
  })
  sweep.start()
  undo.push(() => sweep.stop())
  undo.push(() => duties.abandon())
  await duties.start()
  const setupCode = await renewSetupCode(store)
  return {
    httpUrl: urlOf(tls ? 'https' : 'http', http.server.address() as AddressInfo, options.tls),
    mqttUrl: broker.address(),
    setupCode,
    caFile: tls?.caFile ?? null,
    close: async () => {
      feed.close()
      await closeHttp(http)
      await duties.brokerStops()
      await sweep.stop()
      await broker.stop()
      await messages.stop()
      await outbox.stop()
      await mail.stop()
      await duties.stop()
      await unlock()
      await store.destroy()
    },
  }
}

// Fastify ends open connections only of a server that it made listen itself; change feeds would never end.
async function closeHttp(http: FastifyInstance): Promise<void> {
  const closed = http.close()
  http.server.closeAllConnections()
  await closed
}

function refusePlainBeyondLoopback({ http, mqtt, broker, tls, allowPlain }: ServeOptions): void {
  if (tls || allowPlain) return
  for (const [flag, { host }] of [
    ['--http', http],
    ['--mqtt', mqtt],
  ] as const) {
    if (isLoopback(host) || (flag === '--mqtt' && broker)) continue
    throw new StartError(
      'plain-refused',
      `${flag} ${host} would be reached over the network without TLS. Add --tls, or --allow-plain if something in front does TLS.`,
    )
  }
}

function checkSettings({ logLevel, name, publicUrl }: ServeOptions): void {
  if (publicUrl && !/^https?:$/.test(URL.canParse(publicUrl) ? new URL(publicUrl).protocol : '')) {
    throw new StartError('bad-setting', '--public-url takes a URL, for example https://sealmq.plant.example.')
  }
  if (!logLevels.includes(logLevel)) {
    throw new StartError('bad-setting', `--log-level takes one of ${logLevels.join(', ')}.`)
  }
  if (name !== null && !(name.length >= 1 && name.length <= 100 && new RegExp(printable).test(name))) {
    throw new StartError('bad-setting', '--name takes 1 to 100 characters, none of which control the terminal.')
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC')
      throw new StartError('disk-full', `The disk with ${path} is full. Make room and start again.`)
    throw new StartError('data-unwritable', `The data folder ${path} cannot be made (${code}). Give another --data.`)
  }
}

// An address that stands for all of them is none to go to: the certificate's first name is, or this machine.
function urlOf(scheme: string, { address, family, port }: AddressInfo, tls: TlsSetting | null): string {
  const isAny = address === '0.0.0.0' || address === '::'
  const host = isAny ? (tls?.kind === 'local' && tls.names[0]) || 'localhost' : address
  return `${scheme}://${!isAny && family === 'IPv6' ? `[${host}]` : host}:${port}`
}

function hostNames({ http, tls }: ServeOptions): string[] {
  return [http.host, 'localhost', '127.0.0.1', '::1', ...(tls?.kind === 'local' ? tls.names : [])]
}
