import type { ChannelSummary } from '@sealmq/protocol'
import { useEffect, useState } from 'react'
import { deskWorker } from '../worker/use-desk.ts'

/** The sentence by which the client would refuse to publish on a topic; null when it would not, or none is typed. */
export function useTopicRule(topic: string, channels: readonly ChannelSummary[]): string | null {
  const [rule, setRule] = useState<string | null>(null)
  // The same answer until rights or epochs change.
  const rights = JSON.stringify(channels)
  useEffect(() => {
    if (topic === '') {
      setRule(null)
      return
    }
    let isCurrent = true
    deskWorker()
      .ask('check', topic)
      .then((fault) => isCurrent && setRule(fault?.message ?? null))
      .catch(() => {})
    return () => {
      isCurrent = false
    }
  }, [topic, rights])
  return rule
}
