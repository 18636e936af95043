import type { Logger } from '../logger.ts'
import { Repeated } from '../repeated.ts'
import type { Schedule } from '../schedule.ts'
import type { AuditLog } from './audit-log.ts'
import { recordStop } from './authority-records.ts'
import type { CheckpointPlace } from './checkpoint-place.ts'
import type { DiskWatch } from './disk-space.ts'
import type { RecordingContext } from './recording.ts'
import type { RefusalLog } from './refusal-log.ts'

/** Between two checkpoints, and between two looks at the disk, ms. */
const interval = 60_000

export interface AuditDutiesOptions {
  audit: AuditLog
  places: readonly CheckpointPlace[]
  disk: DiskWatch
  refusals: RefusalLog
  recording: RecordingContext
  schedule: Schedule
  logger: Logger
}

/** What the authority does for its log by itself: checkpoints, a look at the disk, the end. Nothing of it fails. */
export class AuditDuties {
  readonly #options: AuditDutiesOptions
  readonly #repeated: readonly Repeated[]

  constructor(options: AuditDutiesOptions) {
    const { audit, disk, schedule } = options
    this.#options = options
    this.#repeated = [
      { work: async () => void (await audit.checkpoint()), failed: this.#failed('no checkpoint was made') },
      { work: () => disk.look(), failed: this.#failed(lookFailed) },
    ].map((duty) => new Repeated({ ...duty, interval, schedule }))
  }

  /** Once everything else runs. */
  async start(): Promise<void> {
    const { audit, disk } = this.#options
    await disk.look().catch(this.#failed(lookFailed))
    for (const one of this.#repeated) one.start()
    // The last of the run before was made when its broker had stopped.
    const latest = await audit.latest()
    for (const place of this.#ofBroker()) place.publish(latest)
  }

  /** Before the broker does. */
  async brokerStops(): Promise<void> {
    for (const place of this.#ofBroker()) await place.stop()
  }

  /** The last that appends: whoever keeps the checkpoint of the stop sees whether anything came before the next start. */
  async stop(): Promise<void> {
    const { audit, refusals, recording, places } = this.#options
    for (const one of this.#repeated) await one.stop()
    await refusals.stop()
    await recordStop(recording, { failed: false }).catch(this.#failed('the stop was not recorded'))
    await audit.checkpoint().catch(this.#failed('no checkpoint was made'))
    for (const place of places) await place.stop()
  }

  /** Of a start that failed later. */
  async abandon(): Promise<void> {
    for (const one of this.#repeated) await one.stop()
    for (const place of this.#options.places) await place.stop()
  }

  #ofBroker() {
    return this.#options.places.filter(({ name }) => name === 'topic')
  }

  #failed(what: string) {
    return (error: unknown) => this.#options.logger.error({ error: String(error) }, what)
  }
}

const lookFailed = 'the disk of the data folder could not be looked at, or told of'
