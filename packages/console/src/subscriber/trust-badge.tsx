import { Badge } from '@mantine/core'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { Row } from '../worker/protocol.ts'

const colors = { sender: 'teal', channel: 'blue', rejected: 'red', gap: 'orange' } as const

/** How far a message may be trusted. */
export function TrustBadge({ row: { trust, code } }: { row: Row }) {
  return (
    <Badge size="xs" color={colors[trust]} variant="light" tt="none" title={text.trustHint[trust]}>
      {trust === 'rejected' ? `${text.trust.rejected}: ${code}` : text.trust[trust]}
    </Badge>
  )
}
