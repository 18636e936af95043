import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between clients and a broker, passes everything on, and keeps every byte of both directions. */
export class RecordingProxy {
  readonly #server: Server
  readonly #chunks: Buffer[][] = []
  readonly #sockets = new Set<Socket>()

  private constructor(brokerUrl: string) {
    const { hostname, port } = new URL(brokerUrl)
    this.#server = createServer((client) => {
      const broker = connect(Number(port), hostname)
      for (const [from, to] of [
        [client, broker],
        [broker, client],
      ] as const) {
        const chunks: Buffer[] = []
        this.#chunks.push(chunks)
        this.#sockets.add(from)
        from.on('data', (chunk) => {
          chunks.push(chunk)
          to.write(chunk)
        })
        from.on('end', () => to.end())
        from.on('error', () => {})
        from.on('close', () => to.destroy())
      }
    })
  }

  static async start(brokerUrl: string): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(brokerUrl)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number }
    return `mqtt://127.0.0.1:${port}`
  }

  /** Each direction of each connection as one run of bytes, so that nothing hides across chunks. */
  recorded(): Buffer[] {
    return this.#chunks.map((chunks) => Buffer.concat(chunks))
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}
