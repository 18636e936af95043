import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Counts } from './counts.ts'
import { GatewayError } from './gateway-error.ts'

/** What the gateway is at this moment. */
export interface Metrics {
  counts: Readonly<Counts>
  waiting: number
  waitingBytes: number
  plantConnected: boolean
}

/** What each count counts, for people that read the metrics. */
const counted: Record<keyof Counts, string> = {
  taken: 'Messages of machines on disk, and so acknowledged',
  forwarded: "Sealed and acknowledged by the plant's broker",
  late: 'Forwarded when older than the maximum age of their channel',
  dropped: 'Lost their place in the queue to newer ones',
  refused: 'Not taken: the queue was full or could not be written',
  malformed: 'Not of the format of their rule, or without a topic on the other side',
  expired: 'Their seconds to live were over before they could be sealed',
  unsealable: 'Too large, or otherwise impossible to seal',
  delivered: "Opened and handed to the machines' side",
  undelivered: 'Opened, but given up',
  rejected: "From the plant's side, refused: forged, replayed, stale",
  gaps: "Messages that are missing from the plant's side",
  turnedAway: 'Connections of machines that were dropped or refused',
}

/** The Prometheus text format 0.0.4. */
export function metricsText({ counts, waiting, waitingBytes, plantConnected }: Metrics): string {
  const gauges: [string, string, number][] = [
    ['queue_messages', 'Messages that wait on disk', waiting],
    ['queue_bytes', 'Bytes that they take', waitingBytes],
    ['plant_connected', "1 when connected to the plant's broker", plantConnected ? 1 : 0],
  ]
  const counters = (Object.keys(counted) as (keyof Counts)[]).map(
    (name) => [`${snakeCase(name)}_total`, counted[name], counts[name]] as const,
  )
  return [
    ...gauges.map((metric) => metricLines('gauge', metric)),
    ...counters.map((metric) => metricLines('counter', metric)),
  ].join('')
}

const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const metricLines = (type: string, [name, help, value]: readonly [string, string, number]) =>
  `# HELP sealmq_gateway_${name} ${help}\n# TYPE sealmq_gateway_${name} ${type}\nsealmq_gateway_${name} ${value}\n`

/** GET /metrics on 127.0.0.1, and nothing else: counts alone, no topic, name or payload. */
export class MetricsServer {
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  /** @throws GatewayError `port-in-use`, `address-unusable` */
  static async start(port: number, read: () => Metrics): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      if (request.method !== 'GET' || request.url !== '/metrics') {
        response.writeHead(404).end()
        return
      }
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(metricsText(read()))
    })
    server.maxConnections = 20
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new GatewayError('port-in-use', `Port ${port} of metrics is taken by another program.`)
            : new GatewayError('address-unusable', `metrics cannot use port ${port} (${error.code}).`),
        ),
      )
      server.listen(port, '127.0.0.1', resolve)
    })
    return new MetricsServer(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/metrics`
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}
