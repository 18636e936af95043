import type { AuditEvent, AuditOrigin } from '@sealmq/audit-log'
import { addressGroup } from '../identity/sign-in-name.ts'
import type { Schedule } from '../schedule.ts'
import { stranger } from './actors.ts'
import type { NewRecord } from './append.ts'

const minute = 60_000
/** Refusals that are recorded in a minute: of one member or source address, and of all who are not signed in. */
const ofOne = 60
const ofStrangers = 300
/** So many members or addresses are counted apart in a minute; all others together. */
const mostMembers = 1000
const mostAddresses = 100

interface Count {
  by: AuditOrigin
  recorded: number
  skipped: number
}

export interface RefusalLogOptions {
  record: (records: readonly NewRecord[]) => Promise<void>
  /** Told why refusals were not recorded. */
  failed: (error: unknown) => void
  schedule: Schedule
}

/** Records what was refused; nobody can fill the log with it: what is too much is counted, and told when the minute is over. */
export class RefusalLog {
  readonly #options: RefusalLogOptions
  #members = new Map<string, Count>()
  #addresses = new Map<string, Count>()
  #ofStrangers = 0
  #cancelTimer: (() => void) | null = null

  constructor(options: RefusalLogOptions) {
    this.#options = options
  }

  /** Records a refusal, or counts it. Never fails: whoever was refused is answered all the same. */
  async add(event: AuditEvent, by: AuditOrigin): Promise<void> {
    this.#cancelTimer ??= this.#options.schedule(() => void this.#endMinute(), minute)
    const isStranger = by.actor.kind === 'stranger'
    const count = isStranger ? this.#ofAddress(by) : this.#ofMember(by)
    if (count.recorded >= ofOne || (isStranger && this.#ofStrangers >= ofStrangers)) {
      count.skipped += 1
      return
    }
    count.recorded += 1
    if (isStranger) this.#ofStrangers += 1
    await this.#record([{ event: { ...event, result: 'refused' }, origin: by }])
  }

  /** Tells what was skipped in the minute that is under way. */
  stop(): Promise<void> {
    return this.#endMinute()
  }

  #ofMember({ actor }: AuditOrigin): Count {
    return countOf(this.#members, actor.member ?? '', mostMembers, { actor, address: null, request: null })
  }

  #ofAddress({ address }: AuditOrigin): Count {
    const group = addressGroup(address ?? '')
    return countOf(this.#addresses, group, mostAddresses, { actor: stranger(), address: group, request: null })
  }

  async #endMinute(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const skipped = [...this.#members.values(), ...this.#addresses.values()].filter((count) => count.skipped > 0)
    this.#members = new Map()
    this.#addresses = new Map()
    this.#ofStrangers = 0
    if (skipped.length === 0) return
    await this.#record(
      skipped.map((count) => ({
        event: { action: 'request.refuse', result: 'refused', detail: { skipped: count.skipped } },
        origin: count.by,
      })),
    )
  }

  async #record(records: readonly NewRecord[]): Promise<void> {
    try {
      await this.#options.record(records)
    } catch (error) {
      this.#options.failed(error)
    }
  }
}

// An empty key is nobody's own: there all are counted for which there was no room.
function countOf(counts: Map<string, Count>, key: string, most: number, by: AuditOrigin): Count {
  const known = counts.get(key)
  if (known) return known
  if (key !== '' && counts.size >= most) return countOf(counts, '', most, { ...by, actor: stranger(), address: null })
  const count = { by, recorded: 0, skipped: 0 }
  counts.set(key, count)
  return count
}
