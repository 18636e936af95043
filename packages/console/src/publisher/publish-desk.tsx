import type { Me } from '@sealmq/protocol/api'
import { Desk } from '../layout/desk.tsx'
import { PublishPage } from './publish-page.tsx'

const isActive = ({ state }: Me): boolean => state === 'active'

/** The publisher's door. */
export function PublishDesk() {
  return (
    <Desk door="publish" color="orange" admits={isActive}>
      {() => <PublishPage />}
    </Desk>
  )
}
