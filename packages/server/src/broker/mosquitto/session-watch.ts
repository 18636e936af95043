import type { BrokerConnection } from '../interface.ts'

/** Sessions that are remembered; of more, the oldest are forgotten. */
const maximumSessions = 20_000

/** A session of the broker: whoever connected last with its client id. */
interface Session {
  sender: number
  isDurable: boolean
  connection: BrokerConnection | null
}

/**
 * Who is connected and which sessions there are, by what the broker writes into its log (`log_dest topic`, `log_type notice`);
 * it tells in no other way. What was before the authority listened is not known.
 */
export class SessionWatch {
  readonly #now: () => number
  readonly #sessions = new Map<string, Session>()

  /** @param now Authority time, ms. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** A line of Mosquitto's log without its time. */
  take(line: string): void {
    // A client id may hold anything, also the rest of such a line: what the broker appends comes last.
    const opened = /^New client connected from (\S+) as (.*) \(p\d, c([01]), k\d+(?:, u'(.*)')?\)\.\s*$/s.exec(line)
    if (opened) this.#opened(opened[2]!, opened[1]!, opened[3] === '0', opened[4] ?? '')
    else {
      const closed = /^Client (.*?) (?:closed its|disconnected|been disconnected|has exceeded|already connected)/s.exec(
        line,
      )
      if (closed) this.#closed(closed[1]!)
    }
  }

  connections(): BrokerConnection[] {
    return [...this.#sessions.values()].flatMap(({ connection }) => connection ?? [])
  }

  /** Client ids of durable sessions that the sender was the last to use. */
  durableSessions(sender: number): string[] {
    return [...this.#sessions].filter(([, known]) => known.sender === sender && known.isDurable).map(([id]) => id)
  }

  /** The session was removed. */
  forget(clientId: string): void {
    this.#sessions.delete(clientId)
  }

  /** The broker went away, and every connection with it; durable sessions may have stayed. */
  allClosed(): void {
    for (const id of this.#sessions.keys()) this.#closed(id)
  }

  #opened(clientId: string, address: string, isDurable: boolean, username: string): void {
    this.#sessions.delete(clientId)
    const sender = Number(/^sender-([1-9][0-9]{0,9})$/.exec(username)?.[1] ?? 0)
    if (sender === 0) return
    const connection = { sender, clientId, address: address.replace(/:\d+$/, ''), since: this.#now() }
    this.#sessions.set(clientId, { sender, isDurable, connection })
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size > maximumSessions && oldest !== undefined) this.#sessions.delete(oldest)
  }

  #closed(clientId: string): void {
    const session = this.#sessions.get(clientId)
    if (session?.isDurable) session.connection = null
    else this.#sessions.delete(clientId)
  }
}
