import { Button, Text } from '@mantine/core'
import { useCallback, useRef, useState } from 'react'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { Row } from '../worker/protocol.ts'
import { useArrivals } from '../worker/use-desk.ts'

/** Between two notifications, ms. */
const pause = 10_000

/** Desktop notifications for the topic that is chosen; the browser asks its person when the button is pressed. */
export function NotifyButton({ topic }: { topic: string | null }) {
  const [watched, setWatched] = useState<ReadonlySet<string>>(new Set())
  const [refused, setRefused] = useState(false)
  const last = useRef({ at: 0, missed: 0 })
  useArrivals(
    useCallback(
      (row: Row) => {
        const fits = [...watched].some((one) => row.topic === one || row.topic.startsWith(`${one}/`))
        if (!fits || row.trust === 'rejected') return
        const now = Date.now()
        if (now - last.current.at < pause) {
          last.current.missed++
          return
        }
        // The payload stays in the page: the system keeps what it is told in notifications.
        new Notification(text.notifyTitle(row.topic, last.current.missed), { body: text.notifyBody, tag: 'sealmq' })
        last.current = { at: now, missed: 0 }
      },
      [watched],
    ),
  )
  if (topic === null || !('Notification' in globalThis)) return null
  const toggle = async () => {
    const next = new Set(watched)
    if (!next.delete(topic)) {
      const answer = await Notification.requestPermission()
      setRefused(answer !== 'granted')
      if (answer !== 'granted') return
      next.add(topic)
    }
    setWatched(next)
  }
  return (
    <>
      <Button variant="default" aria-pressed={watched.has(topic)} onClick={() => void toggle()}>
        {watched.has(topic) ? text.notifyStop : text.notify}
      </Button>
      {refused && (
        <Text size="xs" role="alert">
          {text.notifyRefused}
        </Text>
      )}
    </>
  )
}
