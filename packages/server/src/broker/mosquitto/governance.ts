import { brokerUsername } from '../../identity/senders.ts'
import type { Logger } from '../../logger.ts'
import { BrokerError } from './broker-error.ts'
import type { ControlConnection } from './control-connection.ts'
import type { DesiredState } from './desired-state.ts'
import { type DifferenceOptions, difference } from './difference.ts'
import { readPart, readState } from './read-state.ts'
import { type Command, denyingDefaults, type SecurityState } from './security-state.ts'

export interface GovernanceOptions extends DifferenceOptions {
  connection: Pick<ControlConnection, 'request'>
  desired: () => Promise<DesiredState>
  logger: Logger
}

/** What a reading of the whole broker showed. */
export interface Reading {
  /** The first of a reconciliation: what it found, before it mended anything. */
  isFirst: boolean
  drift: string[]
  /** Nothing is to be done. */
  isRight: boolean
  /** Senders that the broker cannot be told of. */
  withoutPassword: number
}

/** The plugin writes its whole file after each command, and the broker does nothing else meanwhile. */
const commandsAtOnce = 50
/** UTF-16 units of one message of commands. */
const messageLength = 200_000
/** Rounds of reading and mending until nothing differs any more. */
const maximumRounds = 10
const denyByDefault: Command = {
  command: 'setDefaultACLAccess',
  acls: Object.entries(denyingDefaults).map(([acltype, allow]) => ({ acltype, allow })),
}

/** Brings a broker to what the store says: as a whole, and for single senders in between. */
export class Governance {
  readonly #options: GovernanceOptions
  readonly #pending = new Set<string>()
  #settling: Promise<void> | null = null
  #order: Promise<unknown> = Promise.resolve()
  #changes = 0

  constructor(options: GovernanceOptions) {
    this.#options = options
  }

  /** What differs now; nothing is changed. @throws BrokerError */
  drift(): Promise<string[]> {
    return this.inTurn(async () => this.#difference(...(await this.#read())).drift)
  }

  /**
   * Reads, compares and sends until nothing differs. Changes of senders go in between, and make it read again.
   * @param mend false: reads and compares once
   * @throws BrokerError
   */
  async reconcile(mend: boolean, seen: (reading: Reading) => void): Promise<void> {
    let isFirst = true
    for (let round = 0; round < maximumRounds; ) {
      const changes = this.#changes
      const [wanted, found] = await this.inTurn(() => this.#read())
      const { commands, drift } = this.#difference(wanted, found)
      const isRight = commands.length === 0
      seen({ isFirst, drift, isRight, withoutPassword: wanted.withoutPassword.length })
      isFirst = false
      // The plugin writes what it has, also where an earlier writing came to nothing; it changes nothing.
      if (isRight && mend) await this.inTurn(() => this.#send([denyByDefault]))
      if (isRight || !mend) return
      if (await this.#sendUnlessChanged(commands, changes)) round++
    }
    throw new BrokerError('broker-command', 'The broker does not keep what it is told. Its log says more.')
  }

  /** One sender is brought to what the store says now; those that come together are settled together. @throws BrokerError */
  settle(sender: number): Promise<void> {
    return this.settleClient(brokerUsername(sender))
  }

  /** The same for any client of the authority's. @throws BrokerError */
  settleClient(username: string): Promise<void> {
    this.#pending.add(username)
    this.#settling ??= Promise.resolve().then(() => {
      const usernames = [...this.#pending]
      this.#pending.clear()
      this.#settling = null
      return this.inTurn(() => this.#settleNow(usernames))
    })
    return this.#settling
  }

  /** One after the other, in the order of asking: a change waits for one message of a reconciliation at most. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#order.then(work)
    this.#order = done.catch(() => {})
    return done
  }

  async #settleNow(usernames: readonly string[]): Promise<void> {
    const { connection, desired } = this.#options
    this.#changes++
    const wanted = await desired()
    const names = new Set(usernames.flatMap((username) => wanted.clients.get(username)?.groups ?? []))
    const found = await readPart(connection, usernames, [...names])
    // Only these are compared; what else the whole has is the business of a reconciliation.
    const part: DesiredState = {
      roles: new Map([...wanted.roles].filter(([name]) => names.has(name) || found.groups.has(name))),
      clients: new Map([...wanted.clients].filter(([username]) => usernames.includes(username))),
      withoutPassword: [],
    }
    let refused = 0
    for (const message of messages(this.#difference(part, { ...found, defaults: denyingDefaults }).commands))
      refused += await this.#send(message)
    // Somebody else changed it at the same time, or this was done before and its answer lost: to be looked at again.
    if (refused > 0)
      throw new BrokerError('broker-command', 'The broker did not take a change; this will be tried again.')
  }

  // What the store said before a change must not be sent after it. Whether all was sent.
  async #sendUnlessChanged(commands: readonly Command[], changes: number): Promise<boolean> {
    for (const message of messages(commands)) {
      const isSent = await this.inTurn(async () => {
        if (this.#changes !== changes) return false
        await this.#send(message)
        return true
      })
      if (!isSent) return false
    }
    return true
  }

  /** How many commands the broker did not take. */
  async #send(commands: readonly Command[]): Promise<number> {
    const { connection, logger } = this.#options
    const answers = await connection.request(commands)
    const refused = answers.filter(({ error }) => error !== undefined)
    for (const { command, error } of refused) logger.warn({ command, error }, 'the broker did not take a command')
    return refused.length
  }

  async #read(): Promise<[DesiredState, SecurityState]> {
    const found = await readState(this.#options.connection)
    return [await this.#options.desired(), found]
  }

  #difference(wanted: DesiredState, found: SecurityState) {
    const { exclusive, administrator } = this.#options
    return difference(wanted, found, { exclusive, administrator })
  }
}

function* messages(commands: readonly Command[]): Generator<Command[]> {
  let message: Command[] = []
  let length = 0
  for (const command of commands) {
    const own = JSON.stringify(command).length
    if (message.length === commandsAtOnce || (message.length > 0 && length + own > messageLength)) {
      yield message
      message = []
      length = 0
    }
    message.push(command)
    length += own
  }
  if (message.length > 0) yield message
}
