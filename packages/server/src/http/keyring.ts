import { Keyring, routes } from '@sealmq/protocol/api'
import { noteSeen } from '../identity/last-seen.ts'
import { tokenSender } from '../identity/senders.ts'
import type { Authority } from './authority.ts'
import { askerOf, bearerToken, originOf, requireSender } from './gates.ts'
import type { Http } from './server.ts'

/** A comment line so often keeps proxies from closing the feed, and shows the client that it lives, ms. */
const heartbeat = 15_000
/** Bytes that may wait for one listener: more than a thousand changes. */
const longestBacklog = 64 * 1024
/** Most listeners of one sender; with one more, its oldest is dropped. */
const maximumFeeds = 16

/** Keys, manifests, directory; and the feed that says when to read them anew. */
export function keyringRoutes(http: Http, authority: Authority): void {
  const { store, keyrings, feed } = authority

  http.get(routes.keyring, { schema: { tags: ['keyring'], response: { 200: Keyring } } }, async (request) => {
    const known = await requireSender(authority, request)
    const keyring = await keyrings.keyringOf(known.sender, askerOf(request))
    await noteSeen(authority, known, originOf(request)).catch((error: unknown) => {
      // A store that cannot be written to is no reason to keep keys back.
      request.log.warn({ error: String(error) }, 'when a sender was last seen could not be kept')
    })
    return keyring
  })

  const feeds = new Map<number, Set<() => void>>()
  http.get(routes.changes, { schema: { tags: ['keyring'] } }, async (request, reply) => {
    const { sender } = await requireSender(authority, request)
    const token = bearerToken(request)
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
    const send = (text: string) => {
      if (raw.writableLength > longestBacklog) stop()
      else if (raw.writable) raw.write(text)
    }
    const sendChange = (revision: number) => send(`event: change\ndata: {"revision":${revision}}\n\n`)
    const stopListening = feed.listen((revision) => {
      sendChange(revision)
      // A revoked sender hears that something changed, finds its token dead, and is shown out.
      tokenSender(store, token, authority.now()).then((living) => living ?? stop(), stop)
    })
    const timer = setInterval(() => send(': alive\n\n'), heartbeat)
    const own = feeds.get(sender) ?? new Set()
    feeds.set(sender, own.add(stop))
    // The one way out: whatever ended it, nothing is written afterwards, and a peer that reads nothing delays nothing.
    function stop(): void {
      clearInterval(timer)
      stopListening()
      own.delete(stop)
      if (own.size === 0 && feeds.get(sender) === own) feeds.delete(sender)
      raw.destroy()
    }
    raw.on('error', stop)
    raw.on('close', stop)
    const [oldest] = own
    if (own.size > maximumFeeds) oldest?.()
    await store
      .selectFrom('deployment')
      .select('revision')
      .executeTakeFirstOrThrow()
      .then(({ revision }) => sendChange(revision), stop)
  })
}
