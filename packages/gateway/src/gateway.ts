import type { Listeners, SealedClient } from '@sealmq/client'
import type { OpenedMessage } from '@sealmq/protocol'
import { filterCovers } from '@sealmq/protocol'
import type { GatewayConfig } from './config/gateway-config.ts'
import { type Counts, LogLimit, noCounts } from './counts.ts'
import { FormatError } from './formats/payload-format.ts'
import type { Logger } from './logger.ts'
import { MachineListener } from './machines/listener.ts'
import { LocalBroker } from './machines/local-broker.ts'
import type { MachineMessage, MachineSide } from './machines/machine-side.ts'
import { type Metrics, MetricsServer } from './metrics.ts'
import { Forwarder } from './plant/forwarder.ts'
import { isFinal, PlantLink } from './plant/plant-link.ts'
import { DurableQueue, QueueFull } from './queue/durable-queue.ts'
import { checkRights } from './rules/check-rights.ts'
import { RuleMap } from './rules/rule.ts'

export interface GatewayOptions {
  config: GatewayConfig
  /** Connects as the gateway's sender. */
  connect: (on: Listeners) => Promise<SealedClient>
  logger: Logger
  /** Wall clock, ms. */
  wallClock?: () => number
  /** Monotonic, ms. */
  monotonic?: () => number
}

/** ms between two log lines of one kind. */
const logPause = 10_000
/** How long the end waits for what is on its way to the plant, ms: it is on disk, and comes again. */
const endPatience = 5_000

/** A gateway that runs: machines on one side in plain, the plant on the other, sealed. */
export class Gateway {
  readonly counts: Counts = noCounts()
  /** Rejects when the gateway cannot go on; never resolves. */
  readonly failed: Promise<never>
  readonly #options: GatewayOptions
  readonly #up: RuleMap
  readonly #down: RuleMap
  readonly #limit: LogLimit
  readonly #monotonic: () => number
  readonly #machines: MachineSide
  readonly #link: PlantLink
  readonly #fail: (error: Error) => void
  #queue: DurableQueue | null = null
  #forwarder: Forwarder | null = null
  #metricsServer: MetricsServer | null = null
  #timer: NodeJS.Timeout | null = null
  /** What comes with the connection, before the machines' side is there. */
  #early: (() => void)[] | null = []
  /** Topics of the plant whose last value was handed over since the start. */
  readonly #last = new Set<string>()

  constructor(options: GatewayOptions) {
    const { config, logger, monotonic = () => performance.now() } = options
    this.#options = options
    this.#monotonic = monotonic
    this.#limit = new LogLimit(logPause, monotonic)
    this.#up = new RuleMap(config.rules, 'up')
    this.#down = new RuleMap(config.rules, 'down')
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => {})
    this.failed = failed.promise
    this.#fail = failed.reject
    const deps = { counts: this.counts, logger, limit: this.#limit, monotonic }
    this.#machines =
      config.machines.kind === 'listener'
        ? new MachineListener(config.machines, deps)
        : new LocalBroker(config.machines, subscriptionsOf(this.#up), deps)
    this.#link = new PlantLink({
      connect: options.connect,
      logger,
      on: this.#listeners(),
      connected: (client) => this.#connected(client),
      ended: this.#fail,
    })
  }

  /**
   * Opens the queue, asks for the rights and takes machines. Where the plant is away, machines are taken all the same.
   * @throws GatewayError
   */
  async start(): Promise<void> {
    const { config, logger, wallClock: wall = Date.now } = this.#options
    const queue = await DurableQueue.open(config.queue, { wall, monotonic: this.#monotonic })
    this.#queue = queue
    if (queue.length > 0)
      logger.info({ messages: queue.length, bytes: queue.bytes }, 'messages of an earlier start wait')
    this.#forwarder = new Forwarder({
      queue,
      client: () => this.#link.client,
      counts: this.counts,
      logger,
      limit: this.#limit,
    })
    if (config.metricsPort !== null)
      this.#metricsServer = await MetricsServer.start(config.metricsPort, () => this.metrics())
    await Promise.race([this.#link.start(), this.failed])
    await Promise.race([this.#machines.start((message) => this.#take(message)), this.failed])
    const early = this.#early ?? []
    this.#early = null
    for (const deliver of early) deliver()
    this.#forwarder.start()
    logger.info(
      {
        machines: this.#machines.address(),
        metrics: this.metricsUrl ?? undefined,
        plant: this.#link.connected ? 'connected' : 'away',
      },
      'the gateway is ready',
    )
    this.#timer = setInterval(() => this.#logCounts('counts'), config.countsEvery)
  }

  /** For people: where the machines' side is. */
  address(): string {
    return this.#machines.address()
  }

  /** Where the metrics are; null when none were asked for. */
  get metricsUrl(): string | null {
    return this.#metricsServer?.url ?? null
  }

  metrics(): Metrics {
    return {
      counts: this.counts,
      waiting: this.waiting,
      waitingBytes: this.#queue?.bytes ?? 0,
      plantConnected: this.#link.connected,
    }
  }

  get waiting(): number {
    return this.#queue?.length ?? 0
  }

  /** Takes no more, waits a little for what is on its way, and closes. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#machines.stop()
    await this.#forwarder?.stop(endPatience)
    await this.#link.stop()
    await this.#queue?.close()
    await this.#metricsServer?.stop()
    this.#logCounts('the gateway has ended')
  }

  async #take(message: MachineMessage): Promise<void> {
    const taken = this.#up.take(message.topic)
    // Between machines: nothing of it goes to the plant.
    if (!taken) return
    const { rule, topic } = taken
    const payload = topic === null ? null : this.#fromMachine(message, rule)
    if (topic === null || payload === null) {
      this.counts.malformed++
      if (this.#limit.admit(`malformed ${rule.place}`))
        this.#options.logger.warn(
          { topic: message.topic, rule: rule.place, format: rule.format.name },
          'refused: not of the format of its rule, or no topic to publish on',
        )
      return
    }
    const retain = message.retain && rule.retain
    const { timeToLive, contentType } = rule
    try {
      await this.#queue!.put({ topic, payload, retain, timeToLive, contentType })
      this.counts.taken++
    } catch (error) {
      this.counts.refused++
      const reason = error instanceof QueueFull ? 'the queue is full' : 'the queue cannot be written'
      if (this.#limit.admit(reason))
        this.#options.logger.error({ waiting: this.waiting, error: String(error) }, `${reason}: messages are not taken`)
      throw error
    } finally {
      this.#countDropped()
    }
  }

  // An empty message takes a retained one away: it has no format.
  #fromMachine(
    { payload, topic, retain }: MachineMessage,
    { format }: { format: { fromMachine: (payload: Uint8Array, topic: string) => Uint8Array } },
  ) {
    if (payload.length === 0 && retain) return payload
    try {
      return format.fromMachine(payload, topic)
    } catch (error) {
      if (error instanceof FormatError) return null
      throw error
    }
  }

  #countDropped(): void {
    const { dropped, length } = this.#queue!
    if (dropped > this.counts.dropped && this.#limit.admit('dropped'))
      this.#options.logger.error({ dropped, waiting: length }, 'the queue is full: the oldest messages are dropped')
    this.counts.dropped = dropped
  }

  async #connected(client: SealedClient): Promise<void> {
    checkRights(this.#options.config.rules, client.rights)
    const filters = subscriptionsOf(this.#down).map(({ filter }) => filter)
    if (filters.length > 0) await client.subscribeAsync(filters, { qos: 1 })
    this.#forwarder?.retry()
  }

  #listeners(): Listeners {
    const { logger } = this.#options
    return {
      message: (topic, payload, _packet, sealed) => this.#deliver(topic, payload, sealed),
      repeat: (topic, payload, _packet, sealed) => this.#deliverLast(topic, payload, sealed),
      rejected: ({ topic, code, suppressed }) => {
        this.counts.rejected += 1 + suppressed
        if (this.#limit.admit(`rejected ${code}`)) logger.warn({ topic, code }, 'refused: a message from the plant')
      },
      gap: ({ topic, sender, count }) => {
        this.counts.gaps += count
        if (this.#limit.admit(`gap ${topic}`))
          logger.warn({ topic, sender, count }, 'messages from the plant are missing')
      },
      authority: (state) => logger.info({ state }, 'the authority'),
      connect: () => {
        logger.info("connected to the plant's broker again")
        this.#forwarder?.retry()
      },
      offline: () => logger.warn("the plant's broker is away: messages wait on disk"),
      rights: () => this.#forwarder?.retry(),
      error: (error) => {
        const { code } = error as { code?: string }
        if (isFinal(error)) this.#fail(error)
        else if (this.#limit.admit(`error ${code}`))
          logger.warn({ code, reason: error.message }, 'the connection to the plant')
      },
    }
  }

  // The last value of an earlier start, which a listener keeps in memory alone. Of state only: it is the newest that was
  // ever seen of its topic, where telemetry that a broker calls retained could be any that was seen.
  #deliverLast(plantTopic: string, opened: Uint8Array, sealed: OpenedMessage): void {
    if (sealed.kind !== 'state' || !sealed.retained || this.#last.has(plantTopic)) return
    if (this.#down.take(plantTopic)?.rule.retain) this.#deliver(plantTopic, opened, sealed)
  }

  #deliver(plantTopic: string, opened: Uint8Array, sealed: OpenedMessage): void {
    const taken = this.#down.take(plantTopic)
    if (!taken) return
    const { rule, topic } = taken
    if (rule.retain && sealed.kind === 'state') this.#last.add(plantTopic)
    let payload: Uint8Array
    try {
      if (topic === null) throw new FormatError('no topic')
      payload = rule.format.toMachine(opened, topic)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.counts.malformed++
      return
    }
    const isCommand = sealed.kind === 'command'
    const life = isCommand ? (rule.timeToLive ?? this.#link.client?.channelOf(plantTopic)?.maximumAge ?? 0) : null
    const deadline = life === null ? null : this.#monotonic() + life * 1000 - sealed.age
    // A command that stays would be carried out by whoever comes later.
    const retain = rule.retain && !isCommand
    const deliver = () =>
      this.#machines.deliver({ topic, payload, qos: rule.qos, retain, deadline }, (delivered) => {
        if (delivered) this.counts.delivered++
        else this.counts.undelivered++
      })
    if (this.#early) this.#early.push(deliver)
    else deliver()
  }

  #logCounts(text: string): void {
    const { counts, waiting, waitingBytes, plantConnected } = this.metrics()
    const plant = plantConnected ? 'connected' : 'away'
    this.#options.logger.info({ ...counts, waiting, waitingBytes, plant }, text)
  }
}

/** What to subscribe to for some rules; a filter inside another would deliver the same message twice. */
function subscriptionsOf({ rules }: RuleMap): { filter: string; qos: 0 | 1 }[] {
  const filters = [...new Set(rules.map(({ from }) => from))]
  return filters
    .filter((filter) => !filters.some((other) => other !== filter && filterCovers(other, filter)))
    .map((filter) => {
      const inside = rules.filter(({ from }) => filterCovers(filter, from))
      return { filter, qos: inside.some(({ qos }) => qos === 1) ? 1 : 0 }
    })
}
