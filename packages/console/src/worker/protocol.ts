import type { Granted } from '@sealmq/client'
import type { ChannelSummary, EnvelopeInspection } from '@sealmq/protocol'

/** What went wrong, so that the page can make the same error of it. */
export interface Fault {
  /** AuthorityError, ClientError, SealError, KeyringError, or another. */
  name: string
  code: string | null
  message: string
  /** Of an AuthorityError. */
  status?: number
  retryAfter?: number | undefined
  factor?: 'totp' | 'email' | 'password' | undefined
}

export interface PublishAsk {
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  contentType?: string
  /** Seconds. */
  timeToLive?: number
  /** MQTT 5 only; the broker reads them, and nobody can prove them. */
  properties?: PublishProperties
}

export interface PublishProperties {
  /** Seconds. */
  messageExpiryInterval?: number
  responseTopic?: string
  userProperties?: Record<string, string | string[]>
}

/** What was sealed, and what the broker sees of it. */
export interface Published {
  channel: string
  epoch: number
  sequence: number
  /** Authority time, ms. */
  sealedAt: number
  envelope: Uint8Array
  header: EnvelopeInspection
}

/** How a message may be trusted, for its badge. */
export type Trust = 'sender' | 'channel' | 'rejected' | 'gap'

/** One line of the feed. */
export interface Row {
  /** Grows with each that came. */
  id: number
  topic: string
  trust: Trust
  /** This machine's clock, ms. */
  receivedAt: number
  /** Authority time, ms; null where it could not be opened. */
  sealedAt: number | null
  /** ms when it came; null where it could not be opened. */
  age: number | null
  sender: string
  late: boolean
  retained: boolean
  repeat: boolean
  will: boolean
  epoch: number | null
  /** Code of a rejection. */
  code: string | null
  /** The first characters of its text, or the sentence of a rejection or gap. */
  preview: string
  /** The last bytes of the envelope, hexadecimal. */
  wire: string
  /** Of the payload, bytes; of a rejected one its envelope's. */
  length: number
  /** The preview is not all of it. */
  cut: boolean
}

export interface TopicSummary {
  topic: string
  messages: number
  rejected: number
  /** Older ones that are no longer kept. */
  letGo: number
  last: Row | null
}

/** What the page shows now, newest first. */
export interface View {
  /** A topic, or a part of the tree that ends before a `/`; null for all. */
  topic: string | null
  search: string
  /** Only what came until then (an id); null follows. */
  until: number | null
  offset: number
  count: number
  chart: { topic: string; fields: string[] } | null
}

/** Values of one field over time. */
export interface ChartData {
  topic: string
  /** Fields with numbers, found in the last messages. */
  found: string[]
  /** Authority time, seconds. */
  times: Float64Array<ArrayBuffer>
  /** By field of the view, NaN where a message has none. */
  values: Float64Array<ArrayBuffer>[]
}

export type BrokerState = 'connecting' | 'online' | 'away'

export interface Connection {
  stage: 'opening' | 'open' | 'ended'
  broker: BrokerState
  authority: 'online' | 'away'
  /** 4 is MQTT 3.1.1; null before the connection. */
  protocolVersion: 4 | 5 | null
  /** The authority's, ms; null while it is not known. */
  time: number | null
  sender: { id: number; name: string } | null
  channels: ChannelSummary[]
  /** ms until the first lease of a held channel ends; null without one. */
  leaseLeft: number | null
  subscriptions: Granted[]
  /** Why it ended. */
  fault: Fault | null
}

export interface Snapshot {
  connection: Connection
  /** Those that changed since the last snapshot; all with the first. */
  topics: TopicSummary[]
  /** Forgotten topics. */
  gone: string[]
  rows: Row[]
  /** First of `rows` in what fits the view. */
  offset: number
  /** How many fit the view. */
  fitting: number
  /** How many came that fit, but after `until`. */
  newer: number
  /** In all. */
  kept: number
  letGo: number
  latest: number
  /** Messages a second, of the last seconds. */
  rate: number
  chart: ChartData | null
}

export interface Detail {
  row: Row
  /** Null where it could not be opened. */
  payload: Uint8Array | null
  contentType: string | null
  channel: string | null
  session: string | null
  sequence: number | null
  firstAt: number | null
  envelope: Uint8Array | null
  header: EnvelopeInspection | null
  /** The payload before, of the same topic. */
  previous: Uint8Array | null
  /** Of the same topic, newest first, at most 50. */
  history: Row[]
}

/** What the page may ask; each is answered once. */
export interface WorkerCalls {
  /** Makes a sender of this tab and connects; again while it is open: nothing. @throws step-up-required, … */
  open(name: string): void
  subscribe(filter: string): Granted[]
  unsubscribe(filter: string): void
  publish(ask: PublishAsk): Published
  /** The rule that would refuse it; null when it may. */
  check(topic: string): Fault | null
  clearRetained(topic: string): void
  look(view: View): void
  detail(id: number): Detail | null
  /** What fits the view, as a file. */
  export(format: 'csv' | 'jsonl'): Blob
  /** Ends the connection and forgets keys and messages. */
  close(): void
}
export type CallName = keyof WorkerCalls

export type ToWorker = { [K in CallName]: { id: number; call: K; args: Parameters<WorkerCalls[K]> } }[CallName]
export type FromWorker =
  | { id: number; answer: unknown }
  | { id: number; fault: Fault }
  /** Of a publish call, before its answer. */
  | { id: number; sealed: Published }
  | { snapshot: Snapshot }
  /** For notifications; at most a few a second are told. */
  | { arrived: Row }
