import { request } from 'node:https'
import { Readable } from 'node:stream'
import type { Fetch } from '../authority/authority-client.ts'

/** fetch for one HTTPS authority whose certificate must come from this CA (PEM); Node's own fetch cannot be told so. */
export function fetchWithCa(ca: string): Fetch {
  return (url, init) =>
    new Promise((resolve, reject) => {
      const { method, headers, body, signal } = init
      const options = {
        method,
        headers: headers as Record<string, string>,
        ca,
        signal: signal ?? undefined,
        agent: false as const,
      }
      const sent = request(url, options, (response) => {
        const status = response.statusCode ?? 502
        const hasBody = status !== 204 && status !== 304
        if (!hasBody) response.resume()
        const stream = hasBody ? (Readable.toWeb(response) as ReadableStream<Uint8Array>) : null
        resolve(new Response(stream, { status }))
      })
      sent.on('error', reject)
      sent.end(typeof body === 'string' ? body : undefined)
    })
}
