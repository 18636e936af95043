import { Badge, Text } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef } from 'react'
import { ageText } from '../channels/age.ts'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { Row } from '../worker/protocol.ts'
import classes from './subscriber.module.css'
import { TrustBadge } from './trust-badge.tsx'

const rowHeight = 58
/** Lines beyond those seen that the worker gives, so that scrolling finds them there. */
const beyond = 30

interface FeedProps {
  rows: Row[]
  /** Of the first of `rows`. */
  offset: number
  fitting: number
  empty: string
  mode: 'opened' | 'traffic'
  following: boolean
  hold: () => void
  release: () => void
  setRange: (range: { offset: number; count: number }) => void
  show: (id: number) => void
}

/** The newest first; only the lines that are seen exist. */
export function Feed({ rows, offset, fitting, empty, mode, following, hold, release, setRange, show }: FeedProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: fitting,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  })
  const items = virtual.getVirtualItems()
  const first = items[0]?.index ?? 0
  const last = items.at(-1)?.index ?? 0
  const from = Math.max(0, first - beyond)
  const count = last - from + 1 + beyond
  useEffect(() => setRange({ offset: from, count }), [from, count, setRange])
  // Followed again: from the top.
  useEffect(() => {
    if (following) scroller.current?.scrollTo({ top: 0 })
  }, [following])
  const scrolled = () => {
    const top = scroller.current?.scrollTop ?? 0
    if (top > 2 && following) hold()
    if (top <= 2 && !following) release()
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section ref={scroller} className={classes.feed} aria-label={text.feed} onScroll={scrolled} tabIndex={0}>
      {fitting === 0 ? (
        <Text p="md">{empty}</Text>
      ) : (
        <div className={classes.feedHeight} style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = rows[index - offset]
            return (
              <div key={index} className={classes.rowPlace} style={{ transform: `translateY(${start}px)` }}>
                {row ? <Line row={row} mode={mode} show={show} /> : <Text p="sm">{text.waiting}</Text>}
              </div>
            )
          })}
        </div>
      )}
    </section>
  )
}

function Line({ row, mode, show }: { row: Row; mode: 'opened' | 'traffic'; show: (id: number) => void }) {
  const { id, topic, trust, receivedAt, sealedAt, age, sender, late, retained, will, epoch, preview, cut } = row
  const time = new Date(sealedAt ?? receivedAt)
  const opened = trust === 'gap' ? text.gap(preview, sender) : preview
  return (
    <button type="button" className={classes.row} data-trust={trust} onClick={() => show(id)}>
      <span className={classes.rowHead}>
        <time dateTime={time.toISOString()}>{clock(time)}</time>
        <strong className={classes.rowTopic}>{topic}</strong>
        <TrustBadge row={row} />
        {late && (
          <Badge size="xs" color="orange" variant="light" tt="none">
            {text.late}
          </Badge>
        )}
        {retained && age !== null && (
          <Badge size="xs" color="grape" variant="light" tt="none">
            {text.retained(ageText(age))}
          </Badge>
        )}
        {will && (
          <Badge size="xs" color="gray" variant="light" tt="none">
            {text.will}
          </Badge>
        )}
        <span className={classes.rowSender}>{sender}</span>
        {epoch !== null && <span className={classes.rowEpoch}>{text.epoch(epoch)}</span>}
      </span>
      {mode === 'opened' ? (
        <span className={classes.rowText}>
          {opened}
          {cut && ` … (${text.cut}, ${text.size(row.length)})`}
        </span>
      ) : (
        <span className={classes.rowPair}>
          <span className={classes.rowText}>{row.wire}</span>
          <span className={classes.rowText}>{opened}</span>
        </span>
      )}
    </button>
  )
}

const clock = (time: Date): string =>
  `${time.toLocaleTimeString([], { hour12: false })}.${String(time.getMilliseconds()).padStart(3, '0')}`
