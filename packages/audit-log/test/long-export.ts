import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import {
  checkpointLine,
  encodeRecord,
  headLine,
  importLogKey,
  MerkleEdge,
  makeLogKey,
  recordLine,
  signCheckpoint,
  verifierKey,
} from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'
import { leafOf, sampleRecord } from './sample-log.ts'

export interface LongExport {
  key: string
  /** Notes of the checkpoints, one for each hundred records. */
  notes: string[]
}

/** Writes an export that is too long to be held, with a checkpoint each hundred records. */
export async function writeLongExport(path: string, records: number): Promise<LongExport> {
  const origin = 'sealmq/long'
  const { privateKey, publicKey } = await makeLogKey()
  const signingKey = await importLogKey(origin, privateKey, publicKey)
  const key = await verifierKey(origin, publicKey)
  const checkpoints = Math.floor(records / 100)
  const file = createWriteStream(path)
  const write = async (line: string) => {
    if (!file.write(`${line}\n`)) await once(file, 'drain')
  }
  await write(headLine({ origin, key, from: 0, size: records, checkpoints }))
  const edge = MerkleEdge.empty(sha256)
  const notes: string[] = []
  for (let position = 0; position < records; position++) {
    const text = encodeRecord(sampleRecord(position))
    const leaf = leafOf(text)
    edge.append(leaf)
    await write(recordLine(leaf, text))
    if (edge.size % 100 === 0)
      notes.push(await signCheckpoint(signingKey, { origin, size: edge.size, root: edge.root() }))
  }
  for (const [index, note] of notes.entries()) await write(checkpointLine(note, index))
  file.end()
  await once(file, 'finish')
  return { key, notes }
}
