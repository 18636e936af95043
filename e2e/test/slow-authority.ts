import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { routes } from '@sealmq/protocol/api'

/** Stands before an authority; can take requests for the keyring without ever answering them. */
export class SlowAuthority {
  /** Requests for the keyring so far. */
  asked = 0
  silent = false
  /** Those that were taken and are still waited for. */
  readonly waiting = new Set<ServerResponse>()
  readonly #server: Server

  private constructor(url: () => string) {
    this.#server = createServer(async (request, response) => {
      if (request.url === routes.keyring) {
        this.asked++
        if (this.silent) {
          this.waiting.add(response)
          response.once('close', () => this.waiting.delete(response))
          return
        }
      }
      const { authorization = '' } = request.headers
      const answer = await fetch(url() + request.url, { headers: { authorization } })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      // The change feed ends, in error or not, when the authority stops.
      await (async () => {
        for await (const chunk of answer.body!) response.write(chunk)
      })().catch(() => {})
      response.end()
    })
  }

  static async before(url: () => string): Promise<SlowAuthority> {
    const slow = new SlowAuthority(url)
    await new Promise<void>((resolve) => slow.#server.listen(0, '127.0.0.1', resolve))
    return slow
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
