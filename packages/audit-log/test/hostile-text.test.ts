import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AuditLogError,
  decodeRecord,
  formatProof,
  fromBase64,
  parseCheckpoint,
  parseLine,
  parseNote,
  parseProof,
  parseVerifierKey,
  splitNotes,
  toBase64,
  verifyExport,
} from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'
import { SampleLog } from './sample-log.ts'

const log = await SampleLog.make(6, 2)
const lines = log.lines()
const note = log.checkpoints[0]!.note
const proof = formatProof({ record: log.texts[0]!, position: 0, proof: [log.leaves[1]!], checkpoint: note })

/** A text like the real one, cut, doubled and changed at places, or any text at all. */
function hostile(genuine: string): fc.Arbitrary<string> {
  const change = fc.tuple(
    fc.nat(genuine.length),
    fc.nat(12),
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.constantFrom('\n', '\n\n', '"', '{', '— ', '+', '=', '\0'),
    ),
  )
  const changed = fc
    .array(change, { minLength: 1, maxLength: 4 })
    .map((changes) =>
      changes.reduce((text, [at, length, inserted]) => text.slice(0, at) + inserted + text.slice(at + length), genuine),
    )
  return fc.oneof(changed, fc.string({ unit: 'binary' }), fc.json())
}

async function isRefusedOrRead(read: () => unknown): Promise<void> {
  try {
    await read()
  } catch (error) {
    expect(error).toBeInstanceOf(AuditLogError)
  }
}

const readers: [string, string, (text: string) => unknown][] = [
  ['record', log.texts[0]!, decodeRecord],
  ['note', note, parseNote],
  ['checkpoint', note, parseCheckpoint],
  ['notes', note + note, splitNotes],
  ['key', log.key, parseVerifierKey],
  ['proof', proof, parseProof],
  ['line of a record', lines[1]!, parseLine],
  ['head', lines[0]!, parseLine],
  ['line of a checkpoint', lines.at(-1)!, parseLine],
  ['base64', toBase64(log.leaves[0]!), fromBase64],
]

describe('hostile text', () => {
  it.each(readers)('as %s is read, or refused with a code', (_, genuine, read) =>
    fc.assert(
      fc.asyncProperty(hostile(genuine), (text) => isRefusedOrRead(() => read(text))),
      { numRuns: 1_000 },
    ),
  )

  it('as a proof never proves another record', () =>
    fc.assert(
      fc.asyncProperty(hostile(proof), async (text) => {
        const { parseVerifierKey: readKey, verifyProof } = await import('../src/index.ts')
        const proved = await verifyProof(sha256, text, await readKey(log.key)).catch((error) => {
          expect(error).toBeInstanceOf(AuditLogError)
          return null
        })
        if (proved) expect(proved.text).toBe(log.texts[0])
      }),
    ))

  it('as an export ends with a report, and is never remembered as another log', () =>
    fc.assert(
      fc.asyncProperty(hostile(lines.join('\n')), fc.boolean(), async (text, isKeyKnown) => {
        const report = await verifyExport(text.split('\n'), { sha256, ...(isKeyKnown ? { key: log.key } : {}) })
        if (report.remember && isKeyKnown)
          expect(report.remember.root).toBe(Buffer.from(log.rootAt(report.remember.size)).toString('base64'))
        for (const { message } of [...report.findings, ...report.notes]) expect(message).toMatch(/^[ -~]+$/)
      }),
      { numRuns: 500 },
    ))
})
