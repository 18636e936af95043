import { Badge, Group, Paper, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import { ageText } from '../channels/age.ts'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import type { GrantedFilter } from './draft.ts'
import classes from './publisher.module.css'

interface TopicListProps {
  granted: readonly GrantedFilter[]
  chosen: string | null
  choose: (granted: GrantedFilter) => void
  /** The authority's, ms. */
  time: number | null
}

/** What this member may publish on. */
export function TopicList({ granted, chosen, choose, time }: TopicListProps) {
  const [search, setSearch] = useState('')
  const wanted = search.trim().toLowerCase()
  const fitting = granted.filter(({ filter, channel }) =>
    `${filter}\n${channel.channel}`.toLowerCase().includes(wanted),
  )
  return (
    <Paper withBorder p="md" component="section" aria-label={text.topics} className={classes.topics}>
      <Stack gap="xs">
        <Title order={2} size="h5">
          {text.topics}
        </Title>
        <TextInput
          aria-label={text.search}
          placeholder={text.search}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {fitting.length === 0 && <Text size="sm">{text.noMatch}</Text>}
        <ul className={classes.topicList}>
          {fitting.map((one) => (
            <li key={`${one.channel.channel} ${one.filter}`}>
              <UnstyledButton
                className={classes.topic}
                aria-pressed={chosen === one.filter}
                onClick={() => choose(one)}
              >
                <Text size="sm" ff="monospace" fw={600} className={classes.breaking}>
                  {one.filter}
                </Text>
                <Text size="xs">
                  {one.channel.channel} · {rightText(one)} · {epochText(one, time)}
                </Text>
                <Group gap={4} mt={4}>
                  <Badge size="sm" tt="none" variant="light" color={one.channel.kind === 'command' ? 'orange' : 'blue'}>
                    {text.kinds[one.channel.kind]}
                  </Badge>
                </Group>
              </UnstyledButton>
            </li>
          ))}
        </ul>
      </Stack>
    </Paper>
  )
}

const rightText = ({ whole, channel }: GrantedFilter): string =>
  channel.subscribe ? (whole ? text.rights.both : text.rights.bothPart) : whole ? text.rights.whole : text.rights.part

// An epoch's number is the second in which it began, or one more than the one before.
function epochText({ channel: { epoch } }: GrantedFilter, time: number | null): string {
  return text.epoch(epoch, time === null ? null : ageText(Math.max(0, time - epoch * 1000)))
}
