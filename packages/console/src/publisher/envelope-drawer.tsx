import { Code, Drawer, Stack, Table, Text, Title } from '@mantine/core'
import { messages } from '../messages/english.ts'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import { hexOf } from '../subscriber/bytes-shown.ts'
import type { Outcome } from './outcome-log.ts'
import classes from './publisher.module.css'

const hexShown = 4096
const fieldNames = Object.keys(text.fields) as (keyof typeof text.fields)[]

/** One sealed message as everybody without its key has it. */
export function EnvelopeDrawer({ outcome, close }: { outcome: Outcome | null; close: () => void }) {
  return (
    <Drawer
      opened={outcome !== null}
      onClose={close}
      position="right"
      size="lg"
      title={text.brokerSees}
      closeButtonProps={{ 'aria-label': messages.close }}
    >
      {outcome?.published && <Envelope outcome={outcome} published={outcome.published} />}
    </Drawer>
  )
}

function Envelope({ outcome, published }: { outcome: Outcome; published: NonNullable<Outcome['published']> }) {
  const { envelope, header } = published
  const shown = (name: keyof typeof text.fields): string => {
    const value = header[name]
    if (name === 'sealedAt') return `${new Date(header.sealedAt).toISOString()} (${value})`
    return typeof value === 'boolean' ? (value ? text.yes : text.no) : String(value)
  }
  return (
    <Stack>
      <Text size="sm">{text.overhead(outcome.payloadLength, envelope.length)}</Text>
      <Title order={3} size="h5">
        {text.header}
      </Title>
      <Table>
        <Table.Tbody>
          <Table.Tr>
            <Table.Th>{text.topic}</Table.Th>
            <Table.Td className={classes.breaking}>{outcome.topic}</Table.Td>
          </Table.Tr>
          {fieldNames.map((name) => (
            <Table.Tr key={name}>
              <Table.Th>{text.fields[name]}</Table.Th>
              <Table.Td className={classes.breaking}>{shown(name)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <Title order={3} size="h5">
        {text.envelope}
      </Title>
      <Code block tabIndex={0} className={classes.hex}>
        {hexOf(envelope.subarray(0, hexShown))}
      </Code>
      {envelope.length > hexShown && <Text size="xs">{text.part(hexShown, envelope.length)}</Text>}
    </Stack>
  )
}
