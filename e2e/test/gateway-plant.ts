import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Identity } from '@sealmq/client'
import { connectAsync, fileStorage } from '@sealmq/client/node'
import { createLogger, Gateway, readGatewayConfig } from '@sealmq/gateway'
import { routes } from '@sealmq/protocol/api'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { Plant } from './plant.ts'

/** The machine that may do everything in these tests. */
export const machine = { username: 'press-7', password: 'oil and steel' }

/** A plant with channels for machines, a member for the gateway, and gateways that end with it. */
export class GatewayPlant {
  readonly plant: Plant
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sealmq-gateway-'))
  /** Of the gateway's sender. */
  readonly identity: Identity
  readonly #machines = new Set<MqttClient>()
  readonly #gateways = new Set<Gateway>()
  #configs = 0

  private constructor(plant: Plant, identity: Identity) {
    this.plant = plant
    this.identity = identity
  }

  static async start(): Promise<GatewayPlant> {
    const plant = await Plant.start()
    const channels = [
      { name: 'telemetry', filters: ['plant/#'], maximumAge: 2 },
      { name: 'sparkplug', filters: ['sealed/spBv1.0/#'] },
      { name: 'values', filters: ['values/#'], kind: 'state' },
      { name: 'commands', filters: ['commands/#'], kind: 'command', maximumAge: 2 },
    ]
    for (const channel of channels) await plant.admin.request('POST', routes.channels, channel)
    const grants = channels.flatMap(({ name }) =>
      (['publish', 'subscribe'] as const).map((right) => ({ channel: name, right })),
    )
    await plant.admin.request('POST', routes.roles, { name: 'gateway', grants })
    return new GatewayPlant(plant, await plant.enrol('gateway', 'gateway'))
  }

  /** Writes a configuration and gives its path. Its machine side is a listener on a free port unless another is given. */
  config(rules: readonly object[], more: object = {}): string {
    const name = this.#configs++
    const passwordFile = join(this.folder, 'machine-password')
    writeFileSync(passwordFile, `${machine.password}\n`, { mode: 0o600 })
    const user = { user: machine.username, passwordFile, publish: ['#'], subscribe: ['#'] }
    const settings = {
      machines: { listen: { port: 0, users: [user] } },
      queue: { folder: join(this.folder, `queue-${name}`) },
      rules,
      log: { level: 'fatal' },
      ...more,
    }
    const path = join(this.folder, `gateway-${name}.json`)
    writeFileSync(path, JSON.stringify(settings, null, 1))
    return path
  }

  /** Starts a gateway in this process. */
  async startGateway(path: string, brokerUrl?: string): Promise<Gateway> {
    const config = await readGatewayConfig(path)
    const gateway = new Gateway({
      config,
      connect: (on) =>
        connectAsync({
          identity: this.identity,
          storage: fileStorage(join(this.folder, 'remembered.json')),
          brokerUrl,
          clientIdSuffix: 'gateway',
          clean: false,
          on,
        }),
      logger: createLogger(config.logLevel),
    })
    this.#gateways.add(gateway)
    await gateway.start()
    return gateway
  }

  async stopGateway(gateway: Gateway): Promise<void> {
    this.#gateways.delete(gateway)
    await gateway.stop()
  }

  /** A machine's plain connection. */
  async machine(url: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(url, { ...machine, reconnectPeriod: 0, ...options })
    this.#machines.add(client)
    return client
  }

  async stop(): Promise<void> {
    for (const client of this.#machines) client.end(true)
    for (const gateway of this.#gateways) await gateway.stop()
    await this.plant.stop()
  }
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}
