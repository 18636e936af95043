import { RenewalRequest, routes } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { AuthorityError } from '../authority-error.ts'
import { takeNextToken } from '../identity/renewal.ts'
import type { KnownSender } from '../identity/senders.ts'
import { countTry } from '../identity/tries.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireSender } from './gates.ts'
import type { Http } from './server.ts'

const hour = 3_600_000
/** Each renewal is kept for ever, as a token that must not come again. */
const limits = { allowed: 20, lock: hour, longestLock: hour }

/** Senders replace their own tokens. */
export function renewalRoutes(http: Http, authority: Authority): void {
  const asking = new WeakMap<FastifyRequest, KnownSender>()
  http.post(
    routes.renewal,
    {
      config: { audit: 'sender.renew' },
      preValidation: async (request) => {
        asking.set(request, await requireSender(authority, request))
      },
      schema: { tags: ['senders'], body: RenewalRequest, response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const { sender } = asking.get(request)!
      const { store, now } = authority
      const admission = await countTry(store, `renewals ${sender}`, limits, now())
      if (!admission.admitted) {
        const seconds = Math.ceil((admission.lockedUntil - now()) / 1000)
        throw new AuthorityError('too-many-tries', `The token was renewed too often. Wait ${seconds} s.`, {
          retryAfter: seconds,
        })
      }
      await takeNextToken(peopleOf(authority, request), sender, request.body.token)
      return reply.status(204).send(null)
    },
  )
}
