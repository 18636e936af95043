import { AddressRequest, MailTestResult, routes } from '@sealmq/protocol/api'
import { recordAlone } from '../audit/recording.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

/** Whether mail arrives, for administrators. */
export function mailRoutes(http: Http, authority: Authority): void {
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.post(
    routes.mailTest,
    {
      config: { audit: 'mail.test' },
      schema: { tags: ['mail'], body: AddressRequest, response: { 200: MailTestResult } },
    },
    async (request) => {
      const { email } = request.body
      const on = { kind: 'address', id: null, name: email } as const
      await recordAlone(peopleOf(authority, request), { action: 'mail.test', on })
      return authority.mail.test(email)
    },
  )
}
