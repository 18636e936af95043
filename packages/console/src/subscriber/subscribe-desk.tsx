import type { Me } from '@sealmq/protocol/api'
import { Desk } from '../layout/desk.tsx'
import { SubscribePage } from './subscribe-page.tsx'

const isActive = ({ state }: Me): boolean => state === 'active'

/** The subscriber's door. */
export function SubscribeDesk() {
  return (
    <Desk door="subscribe" color="blue" admits={isActive}>
      {() => <SubscribePage mode="opened" />}
    </Desk>
  )
}

/** The same messages beside what the broker sees of them. */
export function TrafficDesk() {
  return (
    <Desk door="subscribe" color="blue" admits={isActive}>
      {() => <SubscribePage mode="traffic" />}
    </Desk>
  )
}
