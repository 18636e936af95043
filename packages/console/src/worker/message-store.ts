import type { Row, TopicSummary, View } from './protocol.ts'

/** One message with all that was received of it. */
export interface Kept {
  row: Row
  payload: Uint8Array | null
  envelope: Uint8Array | null
  contentType: string | null
  channel: string | null
  session: string | null
  sequence: number | null
  firstAt: number | null
}

interface Topic {
  topic: string
  ring: Kept[]
  /** Of the oldest in `ring`: what is before it was let go. */
  start: number
  messages: number
  rejected: number
  letGo: number
}

export interface StoreLimits {
  perTopic: number
  topics: number
  /** Of payloads, envelopes and what belongs to them. */
  bytes: number
}

const defaults: StoreLimits = { perTopic: 10_000, topics: 5_000, bytes: 192 * 1024 * 1024 }
/** What a message takes beside its bytes, about. */
const overhead = 600
const decoder = new TextDecoder()

/** Messages of a tab in the order they came, within bounds; counts what it lets go. */
export class MessageStore {
  readonly #limits: StoreLimits
  readonly #topics = new Map<string, Topic>()
  readonly #dropped = new WeakSet<Kept>()
  #all: Kept[] = []
  #start = 0
  #holes = 0
  #bytes = 0
  #letGo = 0
  #latest = 0
  #dirty = new Set<string>()
  #gone = new Set<string>()
  // What fits the view, oldest first; `null`: to be looked for anew.
  #fitting: Kept[] | null = null
  // Some of it may have been let go.
  #stale = false
  #fitsView: (kept: Kept) => boolean = () => true
  #viewKey = ''

  constructor(limits: Partial<StoreLimits> = {}) {
    this.#limits = { ...defaults, ...limits }
  }

  get kept(): number {
    return this.#all.length - this.#start - this.#holes
  }
  get letGo(): number {
    return this.#letGo
  }
  /** Id of the last one; 0 before the first. */
  get latest(): number {
    return this.#latest
  }
  get bytes(): number {
    return this.#bytes
  }

  /** @returns the row with its id */
  add(message: Omit<Kept, 'row'> & { row: Omit<Row, 'id'> }): Row {
    const row: Row = { ...message.row, id: ++this.#latest }
    const kept: Kept = { ...message, row }
    const topic = this.#topicOf(row.topic)
    this.#all.push(kept)
    topic.ring.push(kept)
    topic.messages++
    if (row.trust === 'rejected') topic.rejected++
    this.#bytes += sizeOf(kept)
    this.#dirty.add(row.topic)
    if (this.#fitting && this.#fitsView(kept)) this.#fitting.push(kept)
    if (topic.ring.length - topic.start > this.#limits.perTopic) this.#drop(topic)
    while (this.#bytes > this.#limits.bytes && this.kept > 1) this.#dropOldest()
    return row
  }

  /** What changed since the last call. */
  changes(): { topics: TopicSummary[]; gone: string[] } {
    const topics = [...this.#dirty].flatMap((name) => {
      const topic = this.#topics.get(name)
      if (!topic) return []
      const { messages, rejected, letGo, ring } = topic
      const last = ring.length > topic.start ? ring[ring.length - 1]!.row : null
      return [{ topic: name, messages, rejected, letGo, last }]
    })
    const gone = [...this.#gone]
    this.#dirty = new Set()
    this.#gone = new Set()
    return { topics, gone }
  }

  /** The next `changes` has all topics. */
  allChanged(): void {
    this.#dirty = new Set(this.#topics.keys())
  }

  /** What fits the view, newest first, and how many. */
  window(view: Pick<View, 'topic' | 'search' | 'until' | 'offset' | 'count'>): {
    rows: Row[]
    offset: number
    fitting: number
    newer: number
  } {
    const fitting = this.#fittingOf(view)
    const until = view.until === null ? fitting.length : countUntil(fitting, view.until)
    const offset = Math.max(0, Math.min(view.offset, until - 1))
    const rows: Row[] = []
    for (let index = until - 1 - offset; index >= 0 && rows.length < view.count; index--) rows.push(fitting[index]!.row)
    return { rows, offset, fitting: until, newer: fitting.length - until }
  }

  /** Everything that fits, oldest first. */
  fitting(view: Pick<View, 'topic' | 'search' | 'until'>): readonly Kept[] {
    const fitting = this.#fittingOf(view)
    return view.until === null ? fitting : fitting.slice(0, countUntil(fitting, view.until))
  }

  find(id: number): Kept | null {
    const index = this.#all.findIndex((kept, at) => at >= this.#start && kept.row.id === id)
    const kept = this.#all[index]
    return kept && !this.#dropped.has(kept) ? kept : null
  }

  /** Those of one topic, oldest first. */
  ofTopic(topic: string): readonly Kept[] {
    const found = this.#topics.get(topic)
    return found ? found.ring.slice(found.start) : []
  }

  #topicOf(name: string): Topic {
    let topic = this.#topics.get(name)
    if (!topic) topic = { topic: name, ring: [], start: 0, messages: 0, rejected: 0, letGo: 0 }
    // The quietest one is the first.
    this.#topics.delete(name)
    this.#topics.set(name, topic)
    if (this.#topics.size > this.#limits.topics) {
      const quietest = this.#topics.values().next().value!
      while (quietest.ring.length > quietest.start) this.#drop(quietest)
      this.#topics.delete(quietest.topic)
      this.#dirty.delete(quietest.topic)
      this.#gone.add(quietest.topic)
    }
    this.#gone.delete(name)
    return topic
  }

  #drop(topic: Topic): void {
    const kept = topic.ring[topic.start++]!
    if (topic.start > 1000 && topic.start * 2 > topic.ring.length) {
      topic.ring = topic.ring.slice(topic.start)
      topic.start = 0
    }
    topic.letGo++
    this.#letGo++
    this.#dropped.add(kept)
    this.#stale = true
    this.#holes++
    this.#bytes -= sizeOf(kept)
    this.#dirty.add(topic.topic)
    while (this.#start < this.#all.length && this.#dropped.has(this.#all[this.#start]!)) {
      this.#start++
      this.#holes--
    }
    if (this.#start + this.#holes > 2000 && (this.#start + this.#holes) * 4 > this.#all.length) this.#compact()
  }

  #dropOldest(): void {
    const oldest = this.#all[this.#start]!
    this.#drop(this.#topics.get(oldest.row.topic)!)
  }

  #compact(): void {
    const isKept = (kept: Kept) => !this.#dropped.has(kept)
    this.#all = this.#all.slice(this.#start).filter(isKept)
    this.#start = 0
    this.#holes = 0
  }

  #fittingOf({ topic, search }: Pick<View, 'topic' | 'search'>): Kept[] {
    const key = JSON.stringify([topic, search])
    if (this.#fitting === null || key !== this.#viewKey) {
      this.#viewKey = key
      this.#fitsView = fits(topic, search)
      this.#fitting = this.#all.slice(this.#start).filter((kept) => !this.#dropped.has(kept) && this.#fitsView(kept))
    } else if (this.#stale) this.#fitting = this.#fitting.filter((kept) => !this.#dropped.has(kept))
    this.#stale = false
    return this.#fitting
  }
}

function fits(topic: string | null, search: string): (kept: Kept) => boolean {
  const wanted = search.trim().toLowerCase()
  return ({ row, payload }) => {
    if (topic !== null && row.topic !== topic && !row.topic.startsWith(`${topic}/`)) return false
    if (wanted === '') return true
    const { preview, sender, code } = row
    if (`${row.topic}\n${sender}\n${code ?? ''}\n${preview}`.toLowerCase().includes(wanted)) return true
    return payload !== null && row.cut && decoder.decode(payload).toLowerCase().includes(wanted)
  }
}

// Ids grow, so the place is found by halving.
function countUntil(rows: readonly Kept[], until: number): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (rows[middle]!.row.id <= until) low = middle + 1
    else high = middle
  }
  return low
}

const sizeOf = ({ payload, envelope, row }: Kept): number =>
  overhead + (payload?.length ?? 0) + (envelope?.length ?? 0) + 2 * row.preview.length
