import type { VerificationReport } from '@sealmq/audit-log'
import { routes } from '@sealmq/protocol/routes'
import { authority } from '../authority/authority.ts'
import type { FromVerifier, ToVerifier } from './verify-worker.ts'

/** Chunks that may wait in the worker; the network is slowed down by it, not the memory filled. */
const mostWaiting = 32

/**
 * Reads the whole log from the authority and verifies it in this browser.
 * @param checkpoints signed notes that were kept outside
 * @param onProgress records read, and how many there are
 * @throws AuthorityError, ClientError
 */
export async function verifyLog(
  checkpoints: string[],
  onProgress: (records: number, total: number) => void,
  signal: AbortSignal,
): Promise<VerificationReport> {
  const worker = new Worker(new URL('./verify-worker.ts', import.meta.url), { type: 'module' })
  const give = (message: ToVerifier) => worker.postMessage(message)
  let waiting = 0
  let taken = () => {}
  const report = new Promise<VerificationReport>((resolve, reject) => {
    worker.onerror = () => reject(new Error('The verifier did not start.'))
    worker.onmessage = ({ data }: MessageEvent<FromVerifier>) => {
      if ('taken' in data) {
        waiting--
        taken()
      } else if ('report' in data) resolve(data.report)
      else if ('failure' in data) reject(new Error(data.failure))
      else onProgress(data.records, data.total)
    }
  })
  // Heard below; until then a failure is not one that nobody hears.
  report.catch(() => {})
  try {
    give({ checkpoints })
    const stream = await authority.open(routes.auditExport, signal)
    const reader = stream.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      give({ chunk: value as Uint8Array<ArrayBuffer> })
      waiting++
      while (waiting > mostWaiting) {
        const one = new Promise<void>((resolve) => {
          taken = resolve
        })
        await Promise.race([one, report])
      }
    }
    give({ chunk: null })
    return await report
  } finally {
    worker.terminate()
  }
}
