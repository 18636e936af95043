import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface ReceivedMail {
  from: string
  to: string[]
  /** The message as it came. */
  raw: string
  secure: boolean
  user: string | null
}

/** A mail server on this machine that keeps what it takes. */
export class TestMailServer {
  readonly port: number
  readonly received: readonly ReceivedMail[]
  readonly #arrivals: EventEmitter
  readonly #server: SMTPServer

  private constructor(server: SMTPServer, port: number, received: readonly ReceivedMail[], arrivals: EventEmitter) {
    this.#server = server
    this.port = port
    this.received = received
    this.#arrivals = arrivals
  }

  /** @param options without `authOptional: false`, nobody need sign in; @param port 0: a free one */
  static async start(options: SMTPServerOptions = {}, port = 0): Promise<TestMailServer> {
    const received: ReceivedMail[] = []
    const arrivals = new EventEmitter()
    const server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      closeTimeout: 50,
      logger: false,
      onData: (stream, session, done) => {
        let raw = ''
        stream.setEncoding('utf8').on('data', (text: string) => {
          raw += text
        })
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope
          received.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            raw,
            secure: session.secure,
            user: typeof session.user === 'string' ? session.user : null,
          })
          done()
          arrivals.emit('arrived')
        })
      },
      ...options,
    })
    // A client that gives up in the middle is what some tests are about.
    server.on('error', () => {})
    const listener = server.listen(port, '127.0.0.1')
    await once(listener, 'listening')
    return new TestMailServer(server, (listener.address() as AddressInfo).port, received, arrivals)
  }

  /** The mails once there are that many. */
  async mails(count: number): Promise<readonly ReceivedMail[]> {
    while (this.received.length < count) await once(this.#arrivals, 'arrived')
    return this.received
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve))
  }
}
