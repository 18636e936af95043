import { AddressRequest, MailTestResult, routes } from '@sealmq/protocol/api'
import type { Authority } from './authority.ts'
import { requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

/** Whether mail arrives, for administrators. */
export function mailRoutes(http: Http, authority: Authority): void {
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.post(
    routes.mailTest,
    { schema: { tags: ['mail'], body: AddressRequest, response: { 200: MailTestResult } } },
    (request) => authority.mail.test(request.body.email),
  )
}
