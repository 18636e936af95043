import { StartError } from '../authority-error.ts'
import { isLoopback } from '../loopback.ts'

/** How long an answer may take, ms. */
const patience = 10_000

/** Posts a note. @throws Error when it was not taken */
export async function postNote(url: string, note: string): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: note,
    // Elsewhere it might go without TLS.
    redirect: 'error',
    signal: AbortSignal.timeout(patience),
  })
  await answer.body?.cancel()
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
}

/** Refuses what is no URL to post to; the message does not repeat it, for it may hold a token. @throws StartError `bad-setting` */
export function checkWebhook(text: string, allowPlain: boolean): void {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new StartError('bad-setting', '--checkpoint-webhook takes a URL, for example https://keeper.example/notes.')
  }
  if (url.username !== '' || url.password !== '') {
    throw new StartError(
      'bad-setting',
      '--checkpoint-webhook has a user in its address, which is not used. Leave it out.',
    )
  }
  if (url.protocol === 'http:' && !allowPlain && !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) {
    throw new StartError(
      'bad-setting',
      '--checkpoint-webhook goes over the network without TLS. Take https, or add --allow-plain.',
    )
  }
}
