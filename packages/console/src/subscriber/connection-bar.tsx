import { Badge, Group } from '@mantine/core'
import { ageText } from '../channels/age.ts'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { Connection } from '../worker/protocol.ts'

/** Whether broker and authority are there, and how long the keys are good without it. */
export function ConnectionBar({ connection, rate }: { connection: Connection; rate: number }) {
  const { broker, authority, leaseLeft } = connection
  const lease = leaseLeft === null ? text.noLease : leaseLeft > 0 ? text.lease(ageText(leaseLeft)) : text.leaseEnded
  return (
    <Group gap={6} role="status" aria-label={text.connection}>
      <Badge variant="light" tt="none" color={broker === 'online' ? 'teal' : 'orange'}>
        {text.broker[broker]}
      </Badge>
      <Badge variant="light" tt="none" color={authority === 'online' ? 'teal' : 'orange'}>
        {text.authority[authority]}
      </Badge>
      <Badge variant="light" tt="none" color={leaseLeft === 0 ? 'red' : 'gray'}>
        {lease}
      </Badge>
      <Badge variant="light" tt="none" color="gray">
        {text.rate(rate)}
      </Badge>
    </Group>
  )
}
