import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alterationsOf, withNewHash, withOldHash } from '../../packages/audit-log/test/alterations.ts'
import { SampleLog } from '../../packages/audit-log/test/sample-log.ts'

const reader = fileURLToPath(new URL('../python/audit_reader.py', import.meta.url))

describe('the verifier in Python, written from docs/audit.md', () => {
  let folder: string
  let log: SampleLog
  let lines: string[]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealmq-audit-'))
    log = await SampleLog.make(60, 8)
    lines = log.lines()
  })
  afterAll(() => rm(folder, { recursive: true }))

  // Debian's Python, which has the library, whatever other one comes first in PATH.
  async function verify(exported: string[], ...more: string[]): Promise<{ exitCode: number; output: string }> {
    const path = join(folder, 'export.jsonl')
    await writeFile(path, exported.map((line) => `${line}\n`).join(''))
    return new Promise((resolve) => {
      execFile('/usr/bin/python3', [reader, path, ...more], (error, output, errors) => {
        resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, output: output + errors })
      })
    })
  }
  async function checkpointFile(...sizes: number[]): Promise<string> {
    const path = join(folder, 'checkpoints.txt')
    const notes = log.checkpoints.filter(({ size }) => sizes.includes(size)).map(({ note }) => note)
    await writeFile(path, notes.join('\n'))
    return path
  }

  it('finds an export good, from the beginning and from later on, with its key and with checkpoints from outside', async () => {
    const good = { exitCode: 0, output: `60 records and 8 checkpoints of ${log.origin} hold.\n` }
    expect(await verify(lines)).toEqual(good)
    expect(await verify(lines, await checkpointFile(8, 24), '--key', log.key)).toEqual(good)
    const later = { exitCode: 0, output: `37 records and 6 checkpoints of ${log.origin} hold.\n` }
    expect(await verify(log.lines(23))).toEqual(later)
  })

  it('names a record that was altered', async () => {
    const { text } = alterationsOf(log.texts[20]!).find(({ field }) => field === 'actor.name')!
    const altered = await verify(lines.with(21, withOldHash(lines[21]!, text)))
    expect(altered).toEqual({ exitCode: 1, output: 'Record 20 does not fit its hash: it has been altered.\n' })
    const anew = await verify(lines.with(21, withNewHash(text)))
    const output = 'Altered from record 16 to 23: the checkpoint of 24 records does not fit.\n'
    expect(anew).toEqual({ exitCode: 1, output })
  })

  it('finds records that are missing, moved, cut off or written anew', async () => {
    const missing = { exitCode: 1, output: 'Record 21 stands where record 20 should.\n' }
    expect(await verify(lines.toSpliced(21, 1))).toEqual(missing)
    expect(await verify(lines.slice(0, 31))).toMatchObject({ exitCode: 1 })
    expect(await verify([...lines.slice(0, 31), lines[31]!.slice(0, 90)])).toMatchObject({ exitCode: 1 })
    const anew = (await log.fork(log.records.with(20, { ...log.records[20]!, address: '198.51.100.1' }), 8)).lines()
    expect(await verify(anew)).toMatchObject({ exitCode: 0 })
    expect(await verify(anew, await checkpointFile(16, 24))).toEqual({
      exitCode: 1,
      output: 'Altered from record 16 to 23: the checkpoint of 24 records does not fit.\n',
    })
  })

  it('refuses another key, another log and a signature that does not fit', async () => {
    const other = await SampleLog.make(60, 8)
    const [foreign, at] = [await SampleLog.make(60, 8, { origin: 'sealmq/ff' }), 63]
    expect(await verify(other.lines(), '--key', log.key)).toMatchObject({ exitCode: 1 })
    expect(await verify(other.lines(), await checkpointFile(24))).toMatchObject({ exitCode: 1 })
    expect(await verify(lines.with(at, foreign.lines()[at]!))).toMatchObject({ exitCode: 1 })
    const unsigned = lines[at]!.replace(/.{20}=\\n"/, `${'A'.repeat(20)}=\\n"`)
    expect(await verify(lines.with(at, unsigned))).toEqual({
      exitCode: 1,
      output: 'The signature of the checkpoint of 24 records does not fit.\n',
    })
  })
})
