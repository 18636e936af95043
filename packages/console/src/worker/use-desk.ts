import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { useRequest } from '../layout/use-request.ts'
import { DeskWorker } from './desk-worker.ts'
import type { Connection, Row, Snapshot, TopicSummary, View } from './protocol.ts'

/** What is known of this tab's connection and messages. */
export interface DeskState extends Omit<Snapshot, 'topics' | 'gone'> {
  /** The same object until a topic is new, gone or has changed. */
  topics: ReadonlyMap<string, TopicSummary>
}

const closed: Connection = {
  stage: 'opening',
  broker: 'connecting',
  authority: 'online',
  sender: null,
  channels: [],
  leaseLeft: null,
  subscriptions: [],
  fault: null,
}
const nothing: DeskState = {
  connection: closed,
  topics: new Map(),
  rows: [],
  offset: 0,
  fitting: 0,
  newer: 0,
  kept: 0,
  letGo: 0,
  latest: 0,
  rate: 0,
  chart: null,
}

// One for the tab: it lives on while its person goes from desk to desk.
let worker: DeskWorker | null = null
let state = nothing
const listeners = new Set<() => void>()

function setState(next: DeskState): void {
  state = next
  for (const listener of listeners) listener()
}

/** The worker of this tab; started when it is asked for first. */
export function deskWorker(): DeskWorker {
  if (!worker) {
    worker = new DeskWorker()
    worker.onSnapshot(({ topics, gone, ...rest }) => {
      let known = state.topics
      if (topics.length > 0 || gone.length > 0) {
        const next = new Map(known)
        for (const topic of topics) next.set(topic.topic, topic)
        for (const topic of gone) next.delete(topic)
        known = next
      }
      setState({ ...rest, topics: known })
    })
  }
  return worker
}

/** Ends this tab's connection and forgets its keys and messages, as on signing out. */
export function endDesk(): void {
  const ending = worker
  worker = null
  setState(nothing)
  if (!ending) return
  const end = () => ending.end()
  const tooLong = setTimeout(end, 3000)
  ending
    .ask('close')
    .catch(() => {})
    .finally(() => {
      clearTimeout(tooLong)
      end()
    })
}

globalThis.addEventListener('pagehide', endDesk)

/** This tab's connection and what it received. Opens it when a page shows it first. @param name of the sender, for people */
export function useDesk(name: string) {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
  const { busy, failure, run } = useRequest()
  const open = useCallback(() => run(() => deskWorker().ask('open', name)), [name])
  useEffect(() => void open(), [open])
  return { ...shown, opening: busy, failure, open }
}

/** Tells the worker what is shown. */
export function look(view: View): void {
  deskWorker()
    .ask('look', view)
    .catch(() => {})
}

/** Hears of messages as they come. */
export function useArrivals(listener: (row: Row) => void): void {
  useEffect(() => deskWorker().onArrival(listener), [listener])
}
