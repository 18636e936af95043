import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const reader = fileURLToPath(new URL('../python/read_vectors.py', import.meta.url))
const vectors = fileURLToPath(new URL('../../packages/protocol/vectors/', import.meta.url))

interface Report {
  passed: Record<'messages' | 'refusals' | 'objects' | 'objectRefusals' | 'publishing', number>
  failed: { part: string; name: string; reason: string }[]
}

// Debian's Python, which has the libraries, whatever other one comes first in PATH.
function readVectors(folder: string): Promise<{ exitCode: number; report: Report }> {
  const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  return new Promise((resolve, reject) => {
    execFile('/usr/bin/python3', [reader, folder], { env: environment }, (error, output, errors) => {
      try {
        resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, report: JSON.parse(output) })
      } catch {
        reject(new Error(errors || error?.message))
      }
    })
  })
}

const load = async (name: string) => JSON.parse(await readFile(join(vectors, name), 'utf8'))

describe('the reader in Python, written from docs/protocol.md', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealmq-vectors-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('opens or refuses every vector as it should', async () => {
    const messages = await load('messages.json')
    const objects = await load('signed-objects.json')
    expect(await readVectors(vectors)).toEqual({
      exitCode: 0,
      report: {
        passed: {
          messages: messages.messages.length,
          refusals: messages.refusals.length,
          objects: objects.objects.length,
          objectRefusals: objects.refusals.length,
          publishing: objects.publishing.cases.length,
        },
        failed: [],
      },
    })
  })

  it('fails on a copy in which one byte of each message was changed', async () => {
    const messages = await load('messages.json')
    for (const vector of messages.messages) {
      const field = vector.envelope ? 'envelope' : 'envelopeHead'
      const at = vector[field].length - 1
      vector[field] = vector[field].slice(0, at) + (Number.parseInt(vector[field][at], 16) ^ 1).toString(16)
    }
    await writeFile(join(folder, 'messages.json'), JSON.stringify(messages))
    await writeFile(join(folder, 'signed-objects.json'), JSON.stringify(await load('signed-objects.json')))
    const { exitCode, report } = await readVectors(folder)
    expect(exitCode).toBe(1)
    expect(report.passed.messages).toBe(0)
    expect(report.failed.map(({ name }) => name)).toEqual(messages.messages.map(({ name }: { name: string }) => name))
  })
})
