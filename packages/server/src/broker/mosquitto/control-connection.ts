import { randomBytes } from 'node:crypto'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Logger } from '../../logger.ts'
import { BrokerError } from './broker-error.ts'
import type { Command } from './security-state.ts'

/** How the authority reaches a Mosquitto. */
export interface MosquittoAddress {
  host: string
  port: number
  tls: boolean
  /** PEM of the CA that the broker's certificate must come from; null: those that the system trusts. */
  ca: string | null
  username: string
  password: string
}

export interface ControlOptions {
  address: MosquittoAddress
  logger: Logger
  /** It is connected, for the first time or again; nothing is known of the broker's state. */
  connected: () => void
  lost: () => void
  /** A line of the broker's own log, without its time (only when it has `log_dest topic`). */
  logged: (line: string) => void
}

/** What the plugin says to one command. */
export interface Answer {
  command: string
  error?: string
  data?: Record<string, unknown>
}

const controlTopic = '$CONTROL/dynamic-security/v1'
const answerTopic = `${controlTopic}/response`
const logTopics = ['$SYS/broker/log/E', '$SYS/broker/log/N']
const versionTopic = '$SYS/broker/version'
/** ms without an answer to a message of commands. */
const answerTime = 15_000
const connectTime = 5000
const versionTime = 1000
const reconnectWait = 500

/** The authority's own connection to the dynamic security plugin; comes back by itself. */
export class ControlConnection {
  readonly #options: ControlOptions
  readonly #waiting = new Map<string, { answered: (answers: Answer[]) => void; failed: (error: Error) => void }>()
  // Others can see neither; one who knew the client id could end the connection again and again.
  readonly #clientId = `sealmq-${randomBytes(12).toString('hex')}`
  readonly #run = randomBytes(6).toString('hex')
  #client: MqttClient | null = null
  #version: string | null = null
  #versionKnown = Promise.withResolvers<void>()
  #requests = 0
  #limitsPackets = true

  constructor(options: ControlOptions) {
    this.#options = options
  }

  get isConnected(): boolean {
    return this.#client?.connected ?? false
  }

  /** What the broker says that it is, for example `2.0.11`; null when it does not say. */
  get version(): string | null {
    return this.#version
  }

  /** Whether the broker has a largest packet (MQTT 5, 3.2.2.3.6). */
  get limitsPackets(): boolean {
    return this.#limitsPackets
  }

  /**
   * Connects once, to see whether it is possible.
   * @throws BrokerError `broker-unreachable`, `broker-refused`, `broker-too-old`, `broker-untrusted`
   */
  async connectOnce(): Promise<void> {
    await mqtt
      .connectAsync(urlOf(this.#options.address), { ...this.#settings(), reconnectPeriod: 0 }, false)
      .then((client) => client.endAsync())
      .catch((error) => {
        throw connectError(this.#options.address, error)
      })
  }

  /** Keeps a connection from now on. */
  open(): void {
    const { logger, connected, lost, address } = this.#options
    const client = mqtt.connect(urlOf(address), { ...this.#settings(), reconnectPeriod: reconnectWait })
    this.#client = client
    let isAwaySaid = false
    client.on('connect', ({ properties }) => {
      isAwaySaid = false
      this.#limitsPackets = properties?.maximumPacketSize !== undefined
      connected()
    })
    client.on('close', () => {
      const waiting = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const { failed } of waiting) failed(away())
      this.#version = null
      this.#versionKnown = Promise.withResolvers<void>()
      lost()
    })
    client.on('error', (error) => {
      if (!isAwaySaid) logger.warn({ reason: connectError(address, error).message }, 'no way to the broker; trying on')
      isAwaySaid = true
    })
    client.on('message', (topic, payload) => {
      if (topic === answerTopic) this.#answered(payload)
      else if (topic === versionTopic) {
        this.#version = /[0-9]+(\.[0-9]+)+/.exec(payload.toString())?.[0] ?? null
        this.#versionKnown.resolve()
      } else if (logTopics.includes(topic)) this.#options.logged(payload.toString().replace(/^\d+: /, ''))
    })
  }

  async close(): Promise<void> {
    await this.#client?.endAsync(true)
    this.#client = null
  }

  /**
   * Asks for the plugin's answers and for what the broker tells of itself.
   * @throws BrokerError `broker-refused` when the user may not administer
   */
  async subscribe(): Promise<void> {
    const client = this.#connected()
    const granted = await client.subscribeAsync([answerTopic, versionTopic, ...logTopics], { qos: 1 }).catch(() => null)
    if (granted === null || granted.some(({ topic, qos }) => topic === answerTopic && qos >= 128)) {
      throw new BrokerError(
        'broker-refused',
        `The user ${this.#options.address.username} may not administer the broker. Give --broker-user and --broker-password-file of an administrator of the dynamic security plugin.`,
      )
    }
    const late = setTimeout(() => this.#versionKnown.resolve(), versionTime)
    await this.#versionKnown.promise.finally(() => clearTimeout(late))
  }

  /**
   * Commands in one message; the plugin carries them out one after the other, with nothing in between.
   * @returns an answer to each
   * @throws BrokerError `broker-away`, `broker-silent`
   */
  async request(commands: readonly Command[], time = answerTime): Promise<Answer[]> {
    const client = this.#connected()
    const id = `${this.#run}-${++this.#requests}`
    const [first, ...others] = commands
    const { promise, resolve, reject } = Promise.withResolvers<Answer[]>()
    this.#waiting.set(id, { answered: resolve, failed: reject })
    const late = setTimeout(() => reject(new BrokerError('broker-silent', silence)), time)
    const message = JSON.stringify({ commands: [{ ...first, correlationData: id }, ...others] })
    client.publish(controlTopic, message, { qos: 1 }, (error) => {
      if (error) reject(/not authorized/i.test(error.message) ? new BrokerError('broker-silent', silence) : away())
    })
    try {
      return await promise
    } finally {
      clearTimeout(late)
      this.#waiting.delete(id)
    }
  }

  #answered(payload: Buffer): void {
    const { responses = [] } = readJson(payload)
    const id = responses[0]?.correlationData
    this.#waiting.get(id ?? '')?.answered(responses)
  }

  #connected(): MqttClient {
    if (!this.#client?.connected) throw away()
    return this.#client
  }

  #settings(): IClientOptions {
    const { username, password, ca } = this.#options.address
    return {
      username,
      password,
      clientId: this.#clientId,
      protocolVersion: 5,
      connectTimeout: connectTime,
      keepalive: 10,
      resubscribe: false,
      // One that came back with a damaged file of rights lets nobody in until somebody mends it.
      reconnectOnConnackError: true,
      queueQoSZero: false,
      ...(ca === null ? {} : { ca }),
    }
  }
}

/** The address as MQTT clients write it. */
export const urlOf = ({ host, port, tls }: Pick<MosquittoAddress, 'host' | 'port' | 'tls'>): string =>
  `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${port}`

const silence =
  'The broker does not answer to the dynamic security plugin’s topic. Load the plugin (sealmq broker init mosquitto writes such a configuration).'
const away = () => new BrokerError('broker-away', 'The broker is away; this will be tried again.')

function connectError(address: MosquittoAddress, error: Error & { code?: number | string }): BrokerError {
  const url = urlOf(address)
  const { code } = error
  if (code === 1 || code === 132)
    return new BrokerError('broker-too-old', `The broker at ${url} speaks no MQTT 5. Mosquitto 2.0 or newer is needed.`)
  if (code === 4 || code === 5 || code === 134 || code === 135)
    return new BrokerError(
      'broker-refused',
      `The broker at ${url} refuses the user ${address.username}. Give the administrator's password with --broker-password-file.`,
    )
  if (typeof code === 'string' && /CERT|SSL|TLS|SIGNATURE|ISSUER/.test(code))
    return new BrokerError(
      'broker-untrusted',
      `The certificate of the broker at ${url} is not trusted (${code}). Give its CA with --broker-ca FILE.`,
    )
  return new BrokerError(
    'broker-unreachable',
    `There is no broker at ${url} (${code ?? error.message}). Start it, or let the authority wait for it with --broker-wait.`,
  )
}

function readJson(payload: Buffer): { responses?: (Answer & { correlationData?: string })[] } {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return {}
  }
}
