import { Badge, Button, Group, Paper, Stack, Text, Title } from '@mantine/core'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import type { Outcome, Outcomes } from './outcome-log.ts'
import classes from './publisher.module.css'

interface OutcomeListProps {
  outcomes: Outcomes
  /** Too many to be read out. */
  isQuiet: boolean
  /** Shows what the broker sees. */
  show: (outcome: Outcome) => void
}

/** What became of what was sent, newest first. */
export function OutcomeList({ outcomes: { list, acknowledged, refused, letGo }, isQuiet, show }: OutcomeListProps) {
  return (
    <Paper withBorder p="md" component="section" aria-label={text.outcomes}>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          {text.outcomes}
        </Title>
        {list.length > 0 && <Text size="xs">{text.totals(acknowledged, refused)}</Text>}
      </Group>
      {list.length === 0 && <Text size="sm">{text.outcomesNone}</Text>}
      <ol className={classes.outcomes} aria-live={isQuiet ? 'off' : 'polite'}>
        {list.map((outcome) => (
          <li key={outcome.id} className={classes.outcome} data-state={outcome.state}>
            <Stack gap={2} className={classes.outcomeText}>
              <Group gap="xs">
                <Text size="xs" component="time">
                  {timeOf(outcome)}
                </Text>
                <Text size="sm" ff="monospace" fw={600} className={classes.breaking}>
                  {outcome.topic}
                </Text>
                <Text size="xs">{text.size(outcome.payloadLength)}</Text>
              </Group>
              <Group gap="xs">
                <Badge variant="light" tt="none" color={colors[outcome.state]} className={classes.state}>
                  {stateText(outcome)}
                </Badge>
                {outcome.rule !== null && (
                  <Text size="sm" className={classes.breaking}>
                    {outcome.rule}
                    {outcome.code && ` [${outcome.code}]`}
                  </Text>
                )}
              </Group>
            </Stack>
            {outcome.published ? (
              <Button
                size="xs"
                variant="default"
                aria-label={text.brokerSeesOf(outcome.topic, timeOf(outcome))}
                onClick={() => show(outcome)}
              >
                {text.brokerSees}
              </Button>
            ) : (
              outcome.state === 'acknowledged' && <Text size="xs">{text.envelopeLetGo}</Text>
            )}
          </li>
        ))}
      </ol>
      {letGo > 0 && <Text size="xs">{text.letGo(letGo)}</Text>}
    </Paper>
  )
}

const colors = { sealing: 'gray', sealed: 'blue', acknowledged: 'teal', refused: 'red' } as const

const timeOf = ({ at }: Outcome): string => new Date(at).toLocaleTimeString()

const stateText = ({ state, qos }: Outcome): string =>
  state === 'acknowledged' && qos === 0 ? text.states.written : text.states[state]
