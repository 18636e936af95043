import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import type { BrokerCheck, BrokerCheckCell } from '@sealmq/protocol/api'
import mqtt from 'mqtt'
import { StartError } from '../../authority-error.ts'
import { newSecret } from '../../identity/secrets.ts'
import type { Logger } from '../../logger.ts'
import type { Broker, BrokerConnection, BrokerState, BrokerWitness } from '../interface.ts'
import { BrokerError } from './broker-error.ts'
import { checkRole } from './check-role.ts'
import { ControlConnection, type MosquittoAddress, urlOf } from './control-connection.ts'
import type { DesiredState } from './desired-state.ts'
import { Governance, type Reading } from './governance.ts'
import { ObservingConnection } from './observing-connection.ts'
import { WebSocketRelay } from './relay.ts'
import type { RolePolicy } from './role-policies.ts'
import { savingFailure } from './saving-failures.ts'
import { observerName, securityName } from './security-state.ts'
import { SessionWatch } from './session-watch.ts'

export interface MosquittoOptions {
  address: MosquittoAddress
  /** How clients reach it, `mqtt://…` or `mqtts://…`; null: as the authority does. */
  publicUrl: string | null
  /** Starts also while the broker is away. */
  wait: boolean
  /** A broker that lets in clients without a user name is not refused. */
  allowAnonymous: boolean
  /** What the authority does not know is taken away. */
  exclusive: boolean
  /** What differs is reported; only changes of rights are carried out. */
  reportOnly: boolean
  desired: () => Promise<DesiredState>
  /** What each role grants, to check the broker by. */
  policies: () => Promise<RolePolicy[]>
  /** Filters of the channels of which messages are recorded. */
  recorded: () => readonly string[]
  /** Of the client by which the authority sees these messages. */
  observerPassword: string
  witness: BrokerWitness
  /** The broker is there and has what the store says: what waits for it can be carried out. */
  ready: () => void
  logger: Logger
  /** Authority time, ms. */
  now: () => number
}

const reportedDrift = 100
/** ms until what failed at a broker that is there is tried again; twice as long each time. */
const shortestWait = 1000
const longestWait = 60_000
/** ms in which a start must have looked at the broker. */
const firstLook = 20_000

/** Mosquitto 2 as a broker of sealed messages, governed through its dynamic security plugin. */
export class MosquittoBroker implements Broker {
  readonly name = 'mosquitto'
  readonly capabilities = {
    protocolVersions: [4, 5],
    webSocket: true,
    kick: true,
    liveChange: true,
    purge: 'withheld',
    ownClientIds: false,
    refusedPublish: 'reason-code',
    refusedWill: 'not-published',
    apart: true,
  } as const
  readonly #options: MosquittoOptions
  readonly #connection: ControlConnection
  readonly #sessions: SessionWatch
  readonly #relay: WebSocketRelay
  readonly #governance: Governance
  readonly #observer: ObservingConnection
  /** What the broker was told to show; null while that is not known. */
  #observed: readonly string[] | null = null
  /** What it could not save since somebody asked for a reconciliation last, or since it came back; a sentence each. */
  readonly #unsaved = new Set<string>()
  #reconciling: Promise<void> | null = null
  #retry: NodeJS.Timeout | null = null
  #wait = shortestWait
  #isStopped = false
  /** Settles with the first look at the broker. */
  #first: PromiseWithResolvers<void> | null = null
  #state: Omit<BrokerState, 'connected' | 'version'> = {
    rights: 'unknown',
    readAt: null,
    drift: [],
    drifted: 0,
    withoutPassword: 0,
    warnings: [],
  }

  constructor(options: MosquittoOptions) {
    this.#options = options
    this.#sessions = new SessionWatch(options.now)
    this.#relay = new WebSocketRelay({ address: options.address, logger: options.logger })
    this.#connection = new ControlConnection({
      address: options.address,
      logger: options.logger,
      connected: () => void this.#begin(),
      lost: () => {
        this.#sessions.allClosed()
        this.#state = { ...this.#state, rights: 'unknown' }
      },
      logged: (line) => this.#logged(line),
    })
    const { desired, exclusive, logger, address, witness, now } = options
    this.#observer = new ObservingConnection({
      address: { ...address, username: observerName, password: options.observerPassword },
      witness,
      logger,
      now,
    })
    this.#governance = new Governance({
      connection: this.#connection,
      desired,
      exclusive,
      administrator: address.username,
      logger,
    })
  }

  async start(): Promise<void> {
    const { wait, logger } = this.#options
    this.#observer.start()
    try {
      await this.#connection.connectOnce()
    } catch (error) {
      if (!(wait && error instanceof BrokerError && error.code === 'broker-unreachable')) throw asStartError(error)
      logger.warn({ reason: error.message }, 'the broker is away: the authority starts and tries again')
      this.#connection.open()
      return
    }
    const first = Promise.withResolvers<void>()
    this.#first = first
    this.#connection.open()
    const late = setTimeout(
      () => first.reject(new BrokerError('broker-unreachable', 'The broker takes connections and ends them again.')),
      firstLook,
    )
    await first.promise
      .catch((error) => {
        throw asStartError(error)
      })
      .finally(() => clearTimeout(late))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#retry) clearTimeout(this.#retry)
    this.#relay.close()
    await this.#observer.close()
    await this.#connection.close()
    await this.#reconciling?.catch(() => {})
  }

  attachWebSocket(server: Server, ownOrigins: () => readonly string[]): void {
    this.#relay.attach(server, ownOrigins)
  }

  async removeSender(sender: number): Promise<void> {
    await this.#governance.settle(sender)
    for (const clientId of this.#sessions.durableSessions(sender)) await this.#removeSession(clientId)
  }

  refreshSender(sender: number): Promise<void> {
    return this.#governance.settle(sender)
  }

  async refreshObserver(): Promise<void> {
    const recorded = this.#options.recorded()
    const known = this.#observed
    // Before the first reconciliation, which does it.
    if (known === null || (known.length === recorded.length && recorded.every((filter) => known.includes(filter))))
      return
    await this.#governance.settleClient(observerName)
    await this.#observe()
  }

  // The plugin's administrator has rights on $CONTROL alone.
  publishOwn(topic: string, payload: string): Promise<void> {
    return this.#observer.publish(topic, payload)
  }

  connections(): BrokerConnection[] {
    return this.#sessions.connections()
  }

  address(): string {
    return this.#options.publicUrl ?? urlOf(this.#options.address)
  }

  state(): BrokerState {
    const { problem } = this.#observer
    const warnings = [...this.#state.warnings, ...this.#unsaved, ...(problem === null ? [] : [problem])]
    return { ...this.#state, warnings, connected: this.#connection.isConnected, version: this.#connection.version }
  }

  async reconcile(): Promise<void> {
    // One that only reports may be under way.
    await this.#reconciling?.catch(() => {})
    // The file of rights is written anew, the rest at the next save: what fails again is told again.
    this.#unsaved.clear()
    await this.#reconcile(true)
  }

  async check(): Promise<BrokerCheck> {
    const drift = await this.#governance.drift()
    const { roles } = await this.#options.desired()
    const cells: BrokerCheckCell[] = []
    for (const role of await this.#options.policies()) {
      const group = securityName(role.id)
      // Nobody has it: the broker does not know it.
      if (roles.has(group)) cells.push(...(await this.#governance.inTurn(() => this.#checkRole(group, role))))
    }
    const wrong = cells.filter(({ expected, actual }) => expected !== actual).length + drift.length
    return { cells, drift, wrong }
  }

  // Within one turn: a reconciliation would take such a client away.
  async #checkRole(group: string, { name, rights }: RolePolicy): Promise<BrokerCheckCell[]> {
    const username = `sealmq-check-${randomBytes(8).toString('hex')}`
    const password = newSecret()
    const made = { command: 'createClient', username, password, groups: [{ groupname: group }] }
    const [answer] = await this.#connection.request([made])
    try {
      const client = answer?.error === undefined ? await this.#connectAs({ username, password }) : null
      const connects = {
        role: name,
        channel: null,
        action: 'connect',
        topic: '',
        expected: true,
        actual: client !== null,
      } as const
      if (!client) return [connects]
      try {
        return [connects, ...(await checkRole(client, name, rights))]
      } finally {
        await client.endAsync(true)
      }
    } finally {
      await this.#connection.request([{ command: 'deleteClient', username }])
    }
  }

  /** A connection beside the authority's own; null when the broker refuses it. */
  async #connectAs(credentials: { username?: string; password?: string; clientId?: string }) {
    const { address } = this.#options
    const settings = {
      ...credentials,
      protocolVersion: 5 as const,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: 5000,
      ...(address.ca === null ? {} : { ca: address.ca }),
    }
    const client = await mqtt.connectAsync(urlOf(address), settings, false).catch(() => null)
    client?.on('error', () => {})
    return client
  }

  // Whatever was true of the broker before may be so no more: it may have come back empty, or be another one.
  async #begin(): Promise<void> {
    const { logger, reportOnly, ready } = this.#options
    if (this.#retry) clearTimeout(this.#retry)
    try {
      await this.#examine()
      this.#first?.resolve()
      this.#first = null
      await this.#reconcile(!reportOnly)
      this.#wait = shortestWait
      ready()
    } catch (error) {
      this.#first?.reject(error)
      this.#first = null
      if (this.#isStopped || !this.#connection.isConnected) return
      logger.error({ reason: String(error) }, 'the broker could not be brought to what the store says')
      this.#state = { ...this.#state, rights: 'unknown', warnings: [messageOf(error)] }
      this.#retry = setTimeout(() => void this.#begin(), this.#wait)
      this.#wait = Math.min(this.#wait * 2, longestWait)
    }
  }

  /** @throws BrokerError `broker-too-old`, `broker-refused`, `broker-without-plugin`, `broker-anonymous` */
  async #examine(): Promise<void> {
    const { allowAnonymous, address } = this.#options
    await this.#connection.subscribe()
    const { version } = this.#connection
    if (version !== null && Number(version.split('.')[0]) < 2) {
      throw new BrokerError('broker-too-old', `The broker is Mosquitto ${version}. Version 2.0 or newer is needed.`)
    }
    const [answer] = await this.#connection.request([{ command: 'getDefaultACLAccess' }], 5000).catch((error) => {
      throw error instanceof BrokerError && error.code === 'broker-silent'
        ? new BrokerError('broker-without-plugin', error.message)
        : error
    })
    if (answer?.error !== undefined)
      throw new BrokerError(
        'broker-refused',
        `The dynamic security plugin refuses ${address.username}: ${answer.error}.`,
      )
    const warnings: string[] = []
    if (await this.#letsAnybodyIn()) {
      const sentence = 'The broker lets in clients without a user name. Set allow_anonymous false in its configuration'
      if (!allowAnonymous) {
        throw new BrokerError('broker-anonymous', `${sentence}, or say --broker-allow-anonymous.`)
      }
      warnings.push(`${sentence}.`)
    }
    if (!this.#connection.limitsPackets)
      warnings.push('The broker takes packets of any length. Set max_packet_size 1048576 in its configuration.')
    this.#unsaved.clear()
    this.#state = { ...this.#state, warnings }
  }

  async #letsAnybodyIn(): Promise<boolean> {
    const client = await this.#connectAs({})
    await client?.endAsync(true)
    return client !== null
  }

  #reconcile(mend: boolean): Promise<void> {
    const seen = (reading: Reading) => this.#seen(reading, mend)
    this.#reconciling ??= this.#governance
      .reconcile(mend, seen)
      .then(() => this.#observe())
      .finally(() => {
        this.#reconciling = null
      })
    return this.#reconciling
  }

  async #observe(): Promise<void> {
    if (this.#isStopped) return
    this.#observed = this.#options.recorded()
    await this.#observer.observe(this.#observed)
  }

  #seen({ isFirst, drift, isRight, withoutPassword }: Reading, mend: boolean): void {
    const { logger, now } = this.#options
    const rights = isRight ? 'in-force' : mend ? 'mending' : 'drifted'
    this.#state = { ...this.#state, withoutPassword, readAt: now(), rights }
    if (!isFirst) return
    this.#state = { ...this.#state, drift: drift.slice(0, reportedDrift), drifted: drift.length }
    const first = drift.slice(0, 5)
    logger[isRight ? 'info' : 'warn']({ drifted: drift.length, first, mend }, 'the broker was compared with the store')
  }

  // Whoever connects with its id and a clean session ends it and all that was queued. Only the broker's log tells the id.
  async #removeSession(clientId: string): Promise<void> {
    const { username, password } = this.#options.address
    const client = await this.#connectAs({ username, password, clientId })
    await client?.endAsync()
    if (client) this.#sessions.forget(clientId)
    // It is given to nobody anyhow; the broker lets it expire.
    else this.#options.logger.warn({ client: clientId }, 'a session of a removed sender stays at the broker')
  }

  #logged(line: string): void {
    this.#sessions.take(line)
    if (line.startsWith(`Outgoing messages are being dropped for client ${this.#observer.clientId}.`))
      this.#observer.dropped()
    const sentence = savingFailure(line)
    if (sentence === null || this.#unsaved.has(sentence)) return
    this.#unsaved.add(sentence)
    this.#options.logger.error({ line }, 'the broker could not save what it must keep')
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function asStartError(error: unknown): unknown {
  if (!(error instanceof BrokerError)) return error
  const { code, message } = error
  if (code === 'broker-away' || code === 'broker-silent' || code === 'broker-command')
    return new StartError('broker-unreachable', message)
  return new StartError(code, message)
}
