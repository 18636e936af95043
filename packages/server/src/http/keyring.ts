import { Keyring, routes } from '@sealmq/protocol/api'
import { tokenSender } from '../identity/login.ts'
import type { Authority } from './authority.ts'
import { bearerToken, requireSender } from './gates.ts'
import type { Http } from './server.ts'

/** A comment line so often keeps proxies from closing the feed, and shows the client that it lives, ms. */
const heartbeat = 15_000

/** Keys, manifests, directory; and the feed that says when to read them anew. */
export function keyringRoutes(http: Http, authority: Authority): void {
  const { store, keyrings, feed } = authority

  http.get(routes.keyring, { schema: { tags: ['keyring'], response: { 200: Keyring } } }, async (request) => {
    const { sender } = await requireSender(authority, request)
    return keyrings.keyringOf(sender)
  })

  http.get(routes.changes, { schema: { tags: ['keyring'] } }, async (request, reply) => {
    await requireSender(authority, request)
    const token = bearerToken(request)
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    const { revision } = await store.selectFrom('deployment').select('revision').executeTakeFirstOrThrow()
    const send = (current: number) => raw.write(`event: change\ndata: {"revision":${current}}\n\n`)
    send(revision)
    const stopListening = feed.listen((current) => {
      send(current)
      // A revoked sender hears that something changed, finds its token dead, and is shown out.
      void tokenSender(store, token)
        .then((sender) => sender ?? raw.end())
        .catch(() => raw.end())
    })
    const timer = setInterval(() => raw.write(': alive\n\n'), heartbeat)
    raw.on('close', () => {
      clearInterval(timer)
      stopListening()
    })
  })
}
