import {
  AuthorityClient,
  AuthorityError,
  type Granted,
  type HeldIdentity,
  memoryStorage,
  SealedClient,
  webCryptography,
} from '@sealmq/client/browser'
import { inspectEnvelope } from '@sealmq/protocol'
import { chartOf } from './chart.ts'
import { csvOf, jsonLinesOf } from './export.ts'
import { faultOf } from './fault.ts'
import { MessageStore } from './message-store.ts'
import type { Connection, Detail, Fault, FromWorker, Row, ToWorker, View, WorkerCalls } from './protocol.ts'
import { ofGap, ofMessage, ofRejection } from './received.ts'
import { tabSender } from './tab-sender.ts'

// Holds the keys and the messages of this tab. The page sees only what it asks to show.

/** Between two snapshots, ms. */
const pause = 150
const historyLength = 50
/** Arrivals told for notifications within a second. */
const mostTold = 5

const authority = new AuthorityClient({ url: location.origin, timeout: 20_000 })
const say = (message: FromWorker, moved: Transferable[] = []) => postMessage(message, { transfer: moved })

let store = new MessageStore()
let client: SealedClient | null = null
let identity: HeldIdentity | null = null
let opening: Promise<void> | null = null
let fault: Fault | null = null
let broker: Connection['broker'] = 'connecting'
let reached: Connection['authority'] = 'online'
let senderName = ''
let view: View = { topic: null, search: '', until: null, offset: 0, count: 0, chart: null }
const granted = new Map<string, Granted>()
let timer: ReturnType<typeof setTimeout> | null = null
let tick: ReturnType<typeof setTimeout> | null = null
let told = 0
let toldSince = 0
const rates: { at: number; latest: number }[] = []

const calls: {
  [K in keyof WorkerCalls]: (...args: Parameters<WorkerCalls[K]>) => Promise<ReturnType<WorkerCalls[K]>>
} = {
  open: (name) => {
    opening ??= open(name).catch((error) => {
      opening = null
      throw error
    })
    return opening
  },
  subscribe: async (filter) => {
    const answer = await usable().subscribeAsync(filter, { qos: 1 })
    for (const one of answer) granted.set(one.requested, one)
    touch()
    return answer
  },
  unsubscribe: async (filter) => {
    await usable().unsubscribeAsync(filter)
    granted.delete(filter)
    touch()
  },
  publish: async ({ topic, payload, ...options }) => {
    const { channel, epoch, sequence, sealedAt, envelope } = await usable().publishAsync(topic, payload, options)
    const own = envelope.slice()
    return { channel, epoch, sequence, sealedAt, envelope: own, header: inspectEnvelope(own) }
  },
  check: async (topic) => {
    try {
      usable().check(topic)
      return null
    } catch (error) {
      return faultOf(error)
    }
  },
  clearRetained: (topic) => usable().clearRetainedAsync(topic, { qos: 1 }),
  look: async (wanted) => {
    view = wanted
    touch(0)
  },
  detail: async (id) => detailOf(id),
  export: async (format) => {
    const fitting = store.fitting(view)
    return new Blob([format === 'csv' ? csvOf(fitting) : jsonLinesOf(fitting)], {
      type: format === 'csv' ? 'text/csv' : 'application/jsonl',
    })
  },
  close: async () => {
    const [ending, ended] = [client, identity]
    client = null
    identity = null
    opening = null
    granted.clear()
    store = new MessageStore()
    touch()
    if (!ended) return
    // It would end with the session anyway; the tab may be gone before the answer comes.
    const own = new AuthorityClient({
      url: location.origin,
      token: ended.token,
      fetch: (url, init) => fetch(url, { ...init, keepalive: true, credentials: 'omit' }),
    })
    await Promise.all([ending?.endAsync().catch(() => {}), own.removeSender(ended.sender).catch(() => {})])
  },
}

async function open(name: string): Promise<void> {
  senderName = name
  fault = null
  identity ??= await tabSender(authority, name)
  touch()
  client = await SealedClient.connect({
    identity,
    cryptography: webCryptography,
    storage: memoryStorage(),
    clean: true,
    on: {
      message: (_topic, _payload, packet, message) => took(ofMessage(packet, message, Date.now())),
      repeat: (_topic, _payload, packet, message) => {
        // What is retained comes again with each subscription: worth showing only where nothing of it is there yet.
        if (store.ofTopic(message.topic).length === 0) took(ofMessage(packet, message, Date.now()))
      },
      rejected: (rejection) => took(ofRejection(rejection, Date.now())),
      gap: (gap) => took(ofGap(gap, Date.now())),
      connect: () => setBroker('online'),
      close: () => setBroker('away'),
      authority: (state) => {
        reached = state
        touch()
      },
      narrowed: (requested, filters) => {
        const before = granted.get(requested)
        if (before) granted.set(requested, { ...before, filters })
        touch()
      },
      rights: () => touch(),
      error: (error) => {
        const seen = faultOf(error)
        if (seen.code === 'revoked') {
          fault = seen
          touch()
        }
      },
    },
  })
  setBroker('online')
}

function usable(): SealedClient {
  if (!client) throw new AuthorityError(0, 'not-open', 'The connection of this tab is not open.')
  return client
}

function setBroker(state: Connection['broker']): void {
  broker = state
  touch()
}

function took(message: Parameters<MessageStore['add']>[0]): void {
  const row = store.add(message)
  const now = performance.now()
  if (now - toldSince >= 1000) {
    toldSince = now
    told = 0
  }
  if (told < mostTold && row.trust !== 'gap' && !row.retained) {
    told++
    say({ arrived: row })
  }
  touch()
}

// At most one snapshot within a pause, and none while nothing changed.
function touch(after: number = pause): void {
  if (timer !== null) {
    if (after > 0) return
    clearTimeout(timer)
  }
  timer = setTimeout(show, after)
}

function show(): void {
  timer = null
  const { rows, offset, fitting, newer } = store.window(view)
  const chart = view.chart ? chartOf(view.chart, store.ofTopic(view.chart.topic)) : null
  const rate = rateNow()
  const { kept, letGo, latest } = store
  const connection = connectionNow()
  say({ snapshot: { connection, ...store.changes(), rows, offset, fitting, newer, kept, letGo, latest, rate, chart } })
  // So that the rate falls to nothing again, and the lease is seen running down.
  if (tick !== null) clearTimeout(tick)
  tick = setTimeout(touch, rate > 0 ? 1000 : 10_000)
}

function rateNow(): number {
  const now = performance.now()
  rates.push({ at: now, latest: store.latest })
  while (rates.length > 1 && now - rates[0]!.at > 3000) rates.shift()
  const first = rates[0]!
  return now - first.at < 500 ? 0 : ((store.latest - first.latest) * 1000) / (now - first.at)
}

function connectionNow(): Connection {
  const channels = client?.channels ?? []
  const time = client?.time ?? null
  return {
    stage: fault ? 'ended' : client ? 'open' : 'opening',
    broker,
    authority: reached,
    sender: identity ? { id: identity.sender, name: senderName } : null,
    channels,
    leaseLeft:
      time === null || channels.length === 0
        ? null
        : Math.max(0, Math.min(...channels.map(({ leaseUntil }) => leaseUntil)) - time),
    subscriptions: [...granted.values()],
    fault,
  }
}

function detailOf(id: number): Detail | null {
  const kept = store.find(id)
  if (!kept) return null
  const ofTopic = store.ofTopic(kept.row.topic)
  const before = ofTopic.findLast(({ row, payload }) => row.id < id && payload !== null)
  const history: Row[] = ofTopic.slice(-historyLength).map(({ row }) => row)
  const { row, payload, envelope, contentType, channel, session, sequence, firstAt } = kept
  return {
    row,
    payload,
    envelope,
    contentType,
    channel,
    session,
    sequence,
    firstAt,
    header: envelope ? headerOf(envelope) : null,
    previous: before?.payload ?? null,
    history: history.reverse(),
  }
}

function headerOf(envelope: Uint8Array) {
  try {
    return inspectEnvelope(envelope)
  } catch {
    return null
  }
}

globalThis.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
  const { id, call, args } = data
  const work = calls[call] as (...args: unknown[]) => Promise<unknown>
  Promise.resolve()
    .then(() => work(...args))
    .then(
      (answer) => say({ id, answer }),
      (error) => say({ id, fault: faultOf(error) }),
    )
})
