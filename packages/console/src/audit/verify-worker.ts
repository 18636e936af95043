import { linesOf, type VerificationReport, verifyExport } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/browser'

/** What the page gives: checkpoints that were kept outside first, then the bytes of the export, then null. */
export type ToVerifier = { checkpoints: string[] } | { chunk: Uint8Array<ArrayBuffer> | null }
/** What it hears. */
export type FromVerifier =
  | { records: number; total: number }
  | { report: VerificationReport }
  /** For each chunk that was taken, so that not all of a long log waits here. */
  | { taken: true }
  | { failure: string }

const waiting: (Uint8Array | null)[] = []
let wake = () => {}

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = waiting.shift()
    if (chunk === null) return
    if (chunk !== undefined) {
      yield chunk
      say({ taken: true })
      continue
    }
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
}

const say = (message: FromVerifier) => postMessage(message)

globalThis.addEventListener('message', ({ data }: MessageEvent<ToVerifier>) => {
  if ('chunk' in data) {
    waiting.push(data.chunk)
    wake()
    return
  }
  verifyExport(linesOf(chunks()), {
    sha256,
    checkpoints: data.checkpoints.map((note) => ({ note })),
    onProgress: (records, total) => say({ records, total }),
  }).then(
    (report) => say({ report }),
    (error: Error) => say({ failure: error.message }),
  )
})
