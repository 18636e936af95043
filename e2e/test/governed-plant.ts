import { type BrokerStatus, routes } from '@sealmq/protocol/api'
import { AuthorityProcess } from '../../packages/server/test/authority-process.ts'
import { MosquittoProcess } from '../../packages/server/test/mosquitto-process.ts'
import { testOptions } from '../../packages/server/test/test-authority.ts'
import { Plant } from './plant.ts'

type Options = Parameters<typeof AuthorityProcess.start>[0]

/** An authority and the Mosquitto that it governs, each a process that can be killed and comes back where it was. */
export class GovernedPlant {
  readonly mosquitto: MosquittoProcess
  readonly plant: Plant
  readonly #options: Options
  #authority: AuthorityProcess

  private constructor(mosquitto: MosquittoProcess, options: Options, authority: AuthorityProcess, plant: Plant) {
    this.mosquitto = mosquitto
    this.#options = { ...options, http: { host: '127.0.0.1', port: Number(new URL(authority.httpUrl).port) } }
    this.#authority = authority
    this.plant = plant
  }

  static async start(): Promise<GovernedPlant> {
    const mosquitto = await MosquittoProcess.start()
    const options = testOptions({ broker: mosquitto.setting() })
    // No function goes to another process.
    delete options.diskSpace
    try {
      const authority = await AuthorityProcess.start(options)
      return new GovernedPlant(mosquitto, options, authority, await Plant.around(authority))
    } catch (error) {
      await mosquitto.end('SIGKILL')
      throw error
    }
  }

  killAuthority(): Promise<void> {
    return this.#authority.kill()
  }

  async startAuthority(): Promise<void> {
    this.#authority = await AuthorityProcess.start(this.#options)
  }

  /** Waits until the authority has read at the broker, later than `since` (wall clock, ms), that the rights are in force. */
  async inForce(since: number): Promise<void> {
    let status: BrokerStatus | null = null
    const isInForce = () => status?.connected && status.rights === 'in-force' && (status.readAt ?? 0) > since
    while (!isInForce()) {
      status = await this.plant.admin.request<BrokerStatus>('GET', routes.broker)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async stop(): Promise<void> {
    await this.plant.stop()
    await this.#authority.kill()
    await this.mosquitto.end('SIGKILL')
  }
}
