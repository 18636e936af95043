import type { Published } from '../worker/protocol.ts'

/** What became of one message. */
export interface Outcome {
  id: number
  /** This machine's clock, ms. */
  at: number
  topic: string
  qos: 0 | 1 | 2
  /** Bytes. */
  payloadLength: number
  state: 'sealing' | 'sealed' | 'acknowledged' | 'refused'
  published: Published | null
  /** Of a refusal. */
  code: string | null
  rule: string | null
}

export interface Outcomes {
  /** Newest first. */
  list: readonly Outcome[]
  acknowledged: number
  refused: number
  /** Older ones that are no longer listed. */
  letGo: number
}

const kept = 100
/** Envelopes are up to a MiB each. */
const envelopesKept = 20
/** Between two changes that the page hears of, ms. */
const pause = 100

/** The last outcomes of a page; many changes are told as one. */
export class OutcomeLog {
  readonly #listeners = new Set<() => void>()
  readonly #schedule: (run: () => void, ms: number) => void
  #shown: Outcomes = { list: [], acknowledged: 0, refused: 0, letGo: 0 }
  #list: Outcome[] = []
  #acknowledged = 0
  #refused = 0
  #ids = 0
  #isWaiting = false

  constructor(schedule: (run: () => void, ms: number) => void) {
    this.#schedule = schedule
  }

  readonly shown = (): Outcomes => this.#shown

  /** @returns how to stop listening */
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  begin(message: Pick<Outcome, 'at' | 'topic' | 'qos' | 'payloadLength'>): number {
    const id = ++this.#ids
    this.#list = [{ ...message, id, state: 'sealing' as const, published: null, code: null, rule: null }, ...this.#list]
      .slice(0, kept)
      .map((outcome, index) =>
        index < envelopesKept || !outcome.published ? outcome : { ...outcome, published: null },
      )
    this.#tell()
    return id
  }

  sealed(id: number, published: Published): void {
    this.#change(id, { state: 'sealed', published })
  }

  acknowledged(id: number): void {
    this.#acknowledged++
    this.#change(id, { state: 'acknowledged' })
  }

  refused(id: number, code: string | null, rule: string): void {
    this.#refused++
    this.#change(id, { state: 'refused', code, rule })
  }

  #change(id: number, change: Partial<Outcome>): void {
    this.#list = this.#list.map((outcome) => (outcome.id === id ? { ...outcome, ...change } : outcome))
    this.#tell()
  }

  #tell(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#schedule(() => {
      this.#isWaiting = false
      const letGo = this.#ids - this.#list.length
      this.#shown = { list: this.#list, acknowledged: this.#acknowledged, refused: this.#refused, letGo }
      for (const listener of this.#listeners) listener()
    }, pause)
  }
}
