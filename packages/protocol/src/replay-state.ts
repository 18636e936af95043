import { BoundedMap } from './bounded-map.ts'
import { encodeCbor } from './cbor.ts'
import { decodeCbor } from './cbor-reader.ts'
import { SealError } from './error-codes.ts'
import { ReplayWindow, windowLength } from './replay-window.ts'

/** Sessions remembered for one sender on one channel. */
export const maximumSessions = 64
/** How far ahead of the authority's time a message may be sealed, ms. */
export const maximumFuture = 60_000
const maximumTopicsPerSession = 4096
const maximumStateTopics = 65_536

/** Where a message stands among those of its sender. */
export interface MessagePosition {
  /** Channel id, hexadecimal. */
  channel: string
  sender: number
  /** Hexadecimal. */
  session: string
  sequence: number
  /** Authority time, ms. */
  sealedAt: number
  topic: string
}

/** Sequences that may be missing before a message; `count` is the most that can be missing. */
export interface Gap {
  from: number
  to: number
  count: number
}

interface SessionState {
  window: ReplayWindow
  floor: number
  highestTime: number
  topics: Map<string, number>
}
interface SenderState {
  floor: number
  sessions: Map<string, SessionState>
}
interface LastState {
  sender: number
  session: string
  sequence: number
  sealedAt: number
}
interface StateTopics {
  floor: number
  last: Map<string, LastState>
}

/**
 * What a receiver remembers so that nothing is accepted twice (docs/protocol.md, "Freshness").
 * Checking and remembering are two steps: `check*` refuses, `accept*` remembers.
 */
export class ReplayState {
  readonly #senders = new SenderStates()
  readonly #stateTopics = new Map<string, StateTopics>()
  /** Whether something was accepted since the last snapshot. */
  changed = false

  /**
   * Telemetry and commands: the session windows.
   * @param startFloor authority time, ms, where a sender without any state begins: now less the channel's maximum age
   * @returns whether it was accepted before
   * @throws SealError `stale` (in the future, or older than the floor), `replayed` (below the session's window: nothing
   *   tells whether it was accepted, so it is no silent repeat either)
   */
  wasAccepted(position: MessagePosition, now: number, startFloor: number): boolean {
    if (position.sealedAt > now + maximumFuture) throw new SealError('stale', 'It was sealed in the future.')
    const sender = this.#senders.get(position.channel, position.sender)
    const session = sender?.sessions.get(position.session)
    if (session?.window.has(position.sequence)) return true
    if (session?.window.isBelow(position.sequence)) throw new SealError('replayed', 'It lies below the replay window.')
    const floor = session?.floor ?? sender?.floor ?? startFloor
    if (position.sealedAt <= floor) throw new SealError('stale', 'It is older than what was forgotten already.')
    return false
  }

  /** Remembers a message that `wasAccepted` let through, and tells of sequences missing before it. */
  accept(position: MessagePosition, distance: number, startFloor: number): Gap | null {
    this.changed = true
    const session = this.#session(position, startFloor)
    session.window.add(position.sequence)
    session.highestTime = Math.max(session.highestTime, position.sealedAt)
    return rememberTopic(session.topics, position, distance)
  }

  /**
   * State: only newer than the last of its topic, whoever sent it.
   * @returns whether it is the last one again
   * @throws SealError `stale`, `replayed`
   */
  isLastState(position: MessagePosition, now: number): boolean {
    if (position.sealedAt > now + maximumFuture) throw new SealError('stale', 'It was sealed in the future.')
    const topics = this.#stateTopics.get(position.channel)
    const last = topics?.last.get(position.topic)
    if (!last) {
      if (position.sealedAt <= (topics?.floor ?? -1)) throw new SealError('stale')
      return false
    }
    const order = compareStates(position, last)
    if (order < 0) throw new SealError('replayed', 'A newer state of this topic was accepted.')
    return order === 0
  }

  /** Remembers the state that is now the last of its topic, and tells of sequences missing before it. */
  acceptState(position: MessagePosition, distance: number): Gap | null {
    this.changed = true
    const topics = this.#stateTopics.get(position.channel) ?? { floor: -1, last: new Map() }
    this.#stateTopics.set(position.channel, topics)
    const previous = topics.last.get(position.topic)
    if (!previous && topics.last.size >= maximumStateTopics) forgetOldest(topics)
    const { sender, session, sequence, sealedAt } = position
    topics.last.set(position.topic, { sender, session, sequence, sealedAt })
    if (!previous || previous.sender !== sender || previous.session !== session || distance === 0) return null
    return gapBetween(previous.sequence, sequence - distance)
  }

  /** Bytes to keep on disk, committed with what was delivered. */
  snapshot(): Uint8Array {
    this.changed = false
    return encodeCbor([1, [...this.#senders].map(encodeSender), [...this.#stateTopics].map(encodeStateTopics)])
  }

  /** Reads a snapshot. @throws SealError `malformed` */
  static restore(bytes: Uint8Array): ReplayState {
    const state = new ReplayState()
    const content = decodeCbor(bytes)
    if (!Array.isArray(content) || content[0] !== 1) throw new SealError('malformed', 'The replay state is damaged.')
    try {
      const [, senders, stateTopics] = content as unknown as [1, EncodedSender[], EncodedStateTopics[]]
      for (const [key, floor, sessions] of senders) {
        const [channel, sender] = key.split(':')
        state.#senders.set(channel!, whole(Number(sender)), {
          floor: whole(floor),
          sessions: new Map(sessions.map(decodeSession)),
        })
      }
      for (const [channel, floor, last] of stateTopics) {
        state.#stateTopics.set(channel, { floor: whole(floor), last: new Map(last.map(decodeLast)) })
      }
    } catch {
      throw new SealError('malformed', 'The replay state is damaged.')
    }
    return state
  }

  /**
   * What two processes of one receiver remember together: whatever either has accepted or would refuse is refused.
   * Neither of the two is changed.
   */
  merge(other: ReplayState): ReplayState {
    const merged = new ReplayState()
    for (const [channel, sender] of [...this.#senders, ...other.#senders]) {
      if (merged.#senders.get(channel, sender)) continue
      const [a, b] = [this, other].map((state) => state.#senders.get(channel, sender))
      merged.#senders.set(channel, sender, mergeSenders(a, b))
    }
    for (const channel of new Set([...this.#stateTopics.keys(), ...other.#stateTopics.keys()])) {
      const topics = mergeStateTopics(this.#stateTopics.get(channel), other.#stateTopics.get(channel))
      merged.#stateTopics.set(channel, topics)
    }
    return merged
  }

  #session(position: MessagePosition, startFloor: number): SessionState {
    const sender = this.#sender(position, startFloor)
    const known = sender.sessions.get(position.session)
    if (known) return known
    if (sender.sessions.size >= maximumSessions) forgetOldestSession(sender)
    const session: SessionState = {
      window: new ReplayWindow(),
      floor: sender.floor,
      highestTime: 0,
      topics: new BoundedMap(maximumTopicsPerSession),
    }
    sender.sessions.set(position.session, session)
    return session
  }

  #sender({ channel, sender }: MessagePosition, floor: number): SenderState {
    const known = this.#senders.get(channel, sender)
    if (known) return known
    const state: SenderState = { floor, sessions: new Map() }
    this.#senders.set(channel, sender, state)
    return state
  }
}

/** By channel, then by sender: joining the two into one key would cost more than all else that is done with it. */
class SenderStates {
  readonly #channels = new Map<string, Map<number, SenderState>>()

  get(channel: string, sender: number): SenderState | undefined {
    return this.#channels.get(channel)?.get(sender)
  }

  set(channel: string, sender: number, state: SenderState): void {
    const senders = this.#channels.get(channel) ?? new Map<number, SenderState>()
    this.#channels.set(channel, senders)
    senders.set(sender, state)
  }

  *[Symbol.iterator](): IterableIterator<[channel: string, sender: number, state: SenderState]> {
    for (const [channel, senders] of this.#channels) {
      for (const [sender, state] of senders) yield [channel, sender, state]
    }
  }
}

function rememberTopic(topics: Map<string, number>, { topic, sequence }: MessagePosition, distance: number) {
  const previous = topics.get(topic)
  if (previous === undefined || sequence > previous) topics.set(topic, sequence)
  if (previous === undefined || sequence <= previous || distance === 0) return null
  return gapBetween(previous, sequence - distance)
}

// The message before this one had the sequence `expected`; the last one seen is older: what lies between is missing.
function gapBetween(lastSeen: number, expected: number): Gap | null {
  if (expected <= lastSeen) return null
  return { from: lastSeen + 1, to: expected, count: expected - lastSeen }
}

function compareStates(a: LastState, b: LastState): number {
  if (a.sealedAt !== b.sealedAt) return a.sealedAt - b.sealedAt
  if (a.sender !== b.sender) return a.sender - b.sender
  if (a.session !== b.session) return a.session < b.session ? -1 : 1
  return a.sequence - b.sequence
}

// Raising the floor to the forgotten session's newest message keeps all of that session refused.
function forgetOldestSession(sender: SenderState): void {
  const [session, state] = [...sender.sessions].reduce((a, b) => (b[1].highestTime < a[1].highestTime ? b : a))
  sender.sessions.delete(session)
  sender.floor = Math.max(sender.floor, state.highestTime)
}

function forgetOldest(topics: StateTopics): void {
  const [topic, last] = [...topics.last].reduce((a, b) => (b[1].sealedAt < a[1].sealedAt ? b : a))
  topics.last.delete(topic)
  topics.floor = Math.max(topics.floor, last.sealedAt)
}

function mergeSenders(a: SenderState | undefined, b: SenderState | undefined): SenderState {
  const merged: SenderState = { floor: Math.max(a?.floor ?? -1, b?.floor ?? -1), sessions: new Map() }
  for (const session of new Set([...(a?.sessions.keys() ?? []), ...(b?.sessions.keys() ?? [])])) {
    const states = [a?.sessions.get(session), b?.sessions.get(session)].filter((state) => state !== undefined)
    // Who does not know the session may have forgotten it: then that one's floor stands for what it had accepted of it.
    const floors = [a, b].map((sender) => sender?.sessions.get(session)?.floor ?? sender?.floor ?? -1)
    const topics = new BoundedMap<string, number>(maximumTopicsPerSession)
    for (const [topic, sequence] of states.flatMap((state) => [...state.topics])) {
      topics.set(topic, Math.max(sequence, topics.get(topic) ?? 0))
    }
    merged.sessions.set(session, {
      window: states.map(({ window }) => window).reduce(ReplayWindow.union, new ReplayWindow()),
      floor: Math.max(...floors),
      highestTime: Math.max(...states.map(({ highestTime }) => highestTime)),
      topics,
    })
  }
  while (merged.sessions.size > maximumSessions) forgetOldestSession(merged)
  return merged
}

function mergeStateTopics(a: StateTopics | undefined, b: StateTopics | undefined): StateTopics {
  const merged: StateTopics = { floor: Math.max(a?.floor ?? -1, b?.floor ?? -1), last: new Map() }
  const newest = new Map(a?.last)
  for (const [topic, last] of b?.last ?? []) {
    const known = newest.get(topic)
    if (!known || compareStates(last, known) > 0) newest.set(topic, last)
  }
  const byTime = [...newest].sort(([, x], [, y]) => y.sealedAt - x.sealedAt)
  // A last state at or below the floor is left out: the other one may have forgotten a newer one of the same topic.
  for (const [topic, last] of byTime) {
    if (merged.last.size < maximumStateTopics && last.sealedAt > merged.floor) merged.last.set(topic, last)
    else merged.floor = Math.max(merged.floor, last.sealedAt)
  }
  return merged
}

type EncodedSession = [
  session: string,
  highest: number,
  bits: number[],
  floor: number,
  highestTime: number,
  topics: [string, number][],
]
type EncodedSender = [key: string, floor: number, sessions: EncodedSession[]]
type EncodedLast = [topic: string, sender: number, session: string, sequence: number, sealedAt: number]
type EncodedStateTopics = [channel: string, floor: number, last: EncodedLast[]]

function encodeSender([channel, sender, { floor, sessions }]: [string, number, SenderState]): EncodedSender {
  return [
    `${channel}:${sender}`,
    floor,
    [...sessions].map(([session, { window, floor, highestTime, topics }]) => [
      session,
      window.highest,
      [...window.bits],
      floor,
      highestTime,
      [...topics],
    ]),
  ]
}

function decodeSession([session, highest, bits, floor, highestTime, topics]: EncodedSession): [string, SessionState] {
  if (bits.length !== windowLength / 32) throw new SealError('malformed')
  const window = new ReplayWindow(whole(highest), Uint32Array.from(bits))
  const remembered = new BoundedMap<string, number>(maximumTopicsPerSession)
  for (const [topic, sequence] of topics) remembered.set(topic, sequence)
  return [session, { window, floor: whole(floor), highestTime: whole(highestTime), topics: remembered }]
}

function encodeStateTopics([channel, { floor, last }]: [string, StateTopics]): EncodedStateTopics {
  return [
    channel,
    floor,
    [...last].map(([topic, { sender, session, sequence, sealedAt }]) => [topic, sender, session, sequence, sealedAt]),
  ]
}

const decodeLast = ([topic, sender, session, sequence, sealedAt]: EncodedLast): [string, LastState] => [
  topic,
  { sender: whole(sender), session, sequence: whole(sequence), sealedAt: whole(sealedAt) },
]

// Every comparison with something else would be false, and so let everything through.
function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw new SealError('malformed')
  return value
}
