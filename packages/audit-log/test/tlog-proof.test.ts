import { describe, expect, it } from 'vitest'
import { formatProof, inclusionProof, MerkleEdge, parseProof, parseVerifierKey, verifyProof } from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'
import { SampleLog, sampleRecord } from './sample-log.ts'

const log = await SampleLog.make(20, 20)
const key = await parseVerifierKey(log.key)
const subtrees = new Map<string, Uint8Array>()
const edge = MerkleEdge.empty(sha256)
for (const leaf of log.leaves) edge.append(leaf, (level, index, hash) => subtrees.set(`${level}/${index}`, hash))

async function proofOf(position: number, index = position): Promise<string> {
  const proof = await inclusionProof(sha256, position, 20, (level, at) => subtrees.get(`${level}/${at}`)!)
  return formatProof({ record: log.texts[position]!, position: index, proof, checkpoint: log.checkpoints[0]!.note })
}
const refusal = (code: string) => expect.objectContaining({ name: 'AuditLogError', code })

describe('a proof file', () => {
  it('proves each record with nothing but the key', async () => {
    for (let position = 0; position < 20; position++) {
      const { record, text, checkpoint } = await verifyProof(sha256, await proofOf(position), key)
      expect(text).toBe(log.texts[position])
      expect(record).toEqual(log.records[position])
      expect(checkpoint).toEqual({ origin: log.origin, size: 20, root: new Uint8Array(log.rootAt(20)) })
    }
  })

  it('has the lines of c2sp.org/tlog-proof@v1', async () => {
    const lines = (await proofOf(7)).split('\n')
    const extra = Buffer.from(log.texts[7]!).toString('base64')
    expect(lines.slice(0, 3)).toEqual(['c2sp.org/tlog-proof@v1', `extra ${extra}`, 'index 7'])
    expect(lines.slice(3, 8).map((line) => Buffer.from(line, 'base64').length)).toEqual([32, 32, 32, 32, 32])
    expect(lines.slice(8).join('\n')).toBe(`\n${log.checkpoints[0]!.note}`)
  })

  it('is refused with any character altered', async () => {
    const proof = await proofOf(13)
    for (let at = 0; at < proof.length; at++) {
      const altered = proof.slice(0, at) + (proof[at] === 'A' ? 'B' : 'A') + proof.slice(at + 1)
      await expect(verifyProof(sha256, altered, key), altered).rejects.toMatchObject({ name: 'AuditLogError' })
    }
  })

  it('is refused for another record, position or log', async () => {
    await expect(verifyProof(sha256, await proofOf(3, 4), key)).rejects.toThrow(refusal('not-included'))
    const altered = { ...parseProof(await proofOf(3)), record: log.texts[4]! }
    await expect(verifyProof(sha256, formatProof(altered), key)).rejects.toThrow(refusal('not-included'))
    const otherKey = await parseVerifierKey((await SampleLog.make(1, 1)).key)
    await expect(verifyProof(sha256, await proofOf(3), otherKey)).rejects.toThrow(refusal('other-key'))
    const elsewhere = await parseVerifierKey((await SampleLog.make(1, 1, { origin: 'sealmq/ff' })).key)
    await expect(verifyProof(sha256, await proofOf(3), elsewhere)).rejects.toThrow(refusal('other-log'))
  })

  it('is refused when the log itself holds the record at a place that it does not name', async () => {
    const wrong = await SampleLog.make(1, 1, { records: [sampleRecord(5)] })
    const proof = formatProof({
      record: wrong.texts[0]!,
      position: 0,
      proof: [],
      checkpoint: wrong.checkpoints[0]!.note,
    })
    const wrongKey = await parseVerifierKey(wrong.key)
    await expect(verifyProof(sha256, proof, wrongKey)).rejects.toThrow(refusal('misplaced'))
  })

  it('that is none is refused', async () => {
    const proof = await proofOf(7)
    for (const text of [
      '',
      proof.replace('@v1', '@v2'),
      proof.replace(/extra .*\n/, ''),
      proof.replace('index 7', 'index 07'),
      proof.replace('index 7', 'index 9007199254740993'),
      proof.replace('index 7\n', `index 7\n${`${'A'.repeat(43)}=\n`.repeat(54)}`),
      proof.replace('index 7\n', 'index 7\nAAAA\n'),
      proof.replace(/extra .*\n/, 'extra /w==\n'),
    ])
      expect(() => parseProof(text), text).toThrow(refusal('malformed'))
  })
})
