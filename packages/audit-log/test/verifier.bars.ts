import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { sha256 as nobleSha256 } from '../src/browser/index.ts'
import { linesOf, verifyExport } from '../src/index.ts'
import { sha256 as nodeSha256 } from '../src/node/index.ts'
import { writeLongExport } from './long-export.ts'
import { SampleLog } from './sample-log.ts'
import { alterEveryField, moveEveryRecord } from './verifier-attacks.ts'

describe('the verifier of the audit log', () => {
  bar(15, 'Any field of any of 1,000 records altered is found and named', async (count) =>
    alterEveryField(await SampleLog.make(1_000, 100), count),
  )

  bar(15, 'Any of 1,000 records removed, swapped or replayed is found and named', async (count) =>
    moveEveryRecord(await SampleLog.make(1_000, 100), count),
  )

  bar(15, 'A million records are verified in bounded time and memory, by both back ends', async (count) => {
    const folder = await mkdtemp(join(tmpdir(), 'sealmq-export-'))
    try {
      const path = join(folder, 'export.jsonl')
      const { key, notes } = await writeLongExport(path, 1_000_000)
      for (const sha256 of [nodeSha256, nobleSha256]) {
        const [before, began] = [process.memoryUsage().rss, performance.now()]
        let most = before
        const onProgress = () => {
          most = Math.max(most, process.memoryUsage().rss)
        }
        const checkpoints = notes.filter((_, index) => index % 1_000 === 0).map((note) => ({ note }))
        const report = await verifyExport(linesOf(createReadStream(path)), { sha256, key, checkpoints, onProgress })
        expect(report).toMatchObject({ records: 1_000_000, checkpointsHeld: 10_000, findings: [] })
        expect(performance.now() - began).toBeLessThan(60_000)
        expect(most - before).toBeLessThan(300 * 1024 * 1024)
        count('records verified', report.records)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
