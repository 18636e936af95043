import { Desk, isAuditor } from '../layout/desk.tsx'
import { AuditPage } from './audit-page.tsx'

/** The door to the audit log. */
export function AuditDesk() {
  return (
    <Desk door="audit" color="indigo" admits={isAuditor}>
      {() => <AuditPage />}
    </Desk>
  )
}
