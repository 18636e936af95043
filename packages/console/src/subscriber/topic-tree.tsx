import { ActionIcon, Badge, Text, UnstyledButton } from '@mantine/core'
import { useEffect, useMemo, useState } from 'react'
import { ageText } from '../channels/age.ts'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { TopicSummary } from '../worker/protocol.ts'
import classes from './subscriber.module.css'
import { type TreeNode, treeOf } from './tree-of.ts'

interface TopicTreeProps {
  topics: ReadonlyMap<string, TopicSummary>
  selected: string | null
  select: (topic: string | null) => void
}

/** The topics that something came on; a click shows one part of them only. */
export function TopicTree({ topics, selected, select }: TopicTreeProps) {
  const nodes = useMemo(() => treeOf(topics.values()), [topics])
  const now = useNow()
  return (
    <nav aria-label={text.topics} className={classes.tree}>
      <UnstyledButton className={classes.node} aria-pressed={selected === null} onClick={() => select(null)}>
        <Text size="sm" fw={600}>
          {text.allTopics}
        </Text>
      </UnstyledButton>
      {nodes.length === 0 && <Text size="sm">{text.noTopics}</Text>}
      <Branch nodes={nodes} selected={selected} select={select} now={now} />
    </nav>
  )
}

interface BranchProps {
  nodes: TreeNode[]
  selected: string | null
  select: (topic: string) => void
  now: number
}

function Branch({ nodes, selected, select, now }: BranchProps) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const toggle = (path: string) => {
    const next = new Set(closed)
    if (!next.delete(path)) next.add(path)
    setClosed(next)
  }
  return (
    <ul className={classes.branch}>
      {nodes.map((node) => {
        const { path, label, children, messages, rejected, topic } = node
        const isClosed = closed.has(path)
        return (
          <li key={path}>
            <div className={classes.nodeLine}>
              {children.length > 0 ? (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={24}
                  aria-expanded={!isClosed}
                  aria-label={isClosed ? text.expand(path) : text.collapse(path)}
                  onClick={() => toggle(path)}
                >
                  {isClosed ? '▸' : '▾'}
                </ActionIcon>
              ) : (
                <span className={classes.noToggle} />
              )}
              <UnstyledButton className={classes.node} aria-pressed={selected === path} onClick={() => select(path)}>
                <span className={classes.nodeHead}>
                  <Text size="sm" span fw={500} truncate>
                    {label === '' ? '/' : label}
                  </Text>
                  <Text size="xs" span>
                    {text.count(messages)}
                  </Text>
                  {rejected > 0 && (
                    <Badge size="xs" color="red" variant="light" tt="none">
                      {text.rejectedCount(rejected)}
                    </Badge>
                  )}
                </span>
                {topic?.last && (
                  <Text size="xs" c="dimmed" truncate span className={classes.lastValue}>
                    {ageText(Math.max(0, now - topic.last.receivedAt))} ·{' '}
                    {topic.last.trust === 'gap' ? text.trust.gap : topic.last.preview}
                  </Text>
                )}
              </UnstyledButton>
            </div>
            {!isClosed && children.length > 0 && (
              <Branch nodes={children} selected={selected} select={select} now={now} />
            )}
          </li>
        )
      })}
    </ul>
  )
}

function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}
