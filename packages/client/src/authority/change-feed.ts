import type { AuthorityClient } from './authority-client.ts'

/**
 * Reads the authority's server-sent events until the feed ends or is aborted (WHATWG HTML, 9.2).
 * @param changed called with each revision
 * @param opened called once the feed is open
 */
export async function readChanges(
  authority: AuthorityClient,
  signal: AbortSignal,
  opened: () => void,
  changed: (revision: number) => void,
): Promise<void> {
  const body = await authority.openChanges(signal)
  opened()
  const decoder = new TextDecoder()
  let pending = ''
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    pending += decoder.decode(chunk, { stream: true })
    const lines = pending.split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) {
      const revision = /^data: \{"revision":(\d{1,15})\}$/.exec(line)?.[1]
      if (revision !== undefined) changed(Number(revision))
    }
    // An authority sends short lines; anything else is not worth the memory.
    if (pending.length > 4096) return
  }
}
