import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MessagePosition, ReplayState } from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileStorage } from '../src/node/file-storage.ts'

const newPath = () => join(mkdtempSync(join(tmpdir(), 'sealmq-storage-')), 'remembered.json')
const state = (directory: number, replay: Uint8Array | null = null) => ({
  numbers: { directory, channels: { a: directory } },
  replay,
})
const now = 1_800_000_000_000
const at = (sequence: number): MessagePosition => ({
  channel: 'aa',
  sender: 1,
  session: '01',
  sequence,
  sealedAt: now + sequence,
  topic: 't',
})
function accept(replay: ReplayState, ...sequences: number[]): ReplayState {
  for (const sequence of sequences) {
    if (!replay.wasAccepted(at(sequence), now, now - 1000)) replay.accept(at(sequence), 1, now - 1000)
  }
  return replay
}
async function restored(path: string): Promise<ReplayState> {
  const replay = (await fileStorage(path).load())?.replay
  return replay ? ReplayState.restore(replay) : new ReplayState()
}

describe('the file in which a client remembers', () => {
  it('is whole, has no leftovers and lacks nothing when twenty write it at once', async () => {
    const path = newPath()
    const sequences = Array.from({ length: 20 }, (_, index) => index)
    await Promise.all(
      sequences.map((sequence) =>
        fileStorage(path).save(state(sequence, accept(new ReplayState(), sequence).snapshot())),
      ),
    )
    const replay = await restored(path)
    expect(sequences.filter((sequence) => !replay.wasAccepted(at(sequence), now, now - 1000))).toEqual([])
    expect((await fileStorage(path).load())?.numbers.directory).toBe(19)
    expect(readdirSync(join(path, '..'))).toEqual(['remembered.json'])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('never goes back in its numbers, whoever saves last', async () => {
    const storage = fileStorage(newPath())
    await storage.save({ numbers: { directory: 7, channels: { a: 7, b: 2 } }, replay: null })
    await storage.save({ numbers: { directory: 5, channels: { a: 9, c: 1 } }, replay: null })
    expect((await storage.load())?.numbers).toEqual({ directory: 7, channels: { a: 9, b: 2, c: 1 } })
  })

  it('keeps what was accepted when a process saves that accepted nothing', async () => {
    const storage = fileStorage(newPath())
    const replay = accept(new ReplayState(), 1, 2).snapshot()
    await storage.save(state(1, replay))
    await storage.save(state(2))
    expect(await storage.load()).toEqual(state(2, replay))
  })

  it('refuses after any interleaving of two processes what either had accepted and saved', async () => {
    const steps = fc.array(
      fc.record({ who: fc.nat(1), action: fc.constantFrom('accept', 'save', 'restart'), sequence: fc.nat(40) }),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const path = newPath()
        const processes = [new ReplayState(), new ReplayState()]
        const saved = new Set<number>()
        const unsaved = [new Set<number>(), new Set<number>()]
        const save = async (who: number) => {
          await fileStorage(path).save(state(1, processes[who]!.snapshot()))
          for (const sequence of unsaved[who]!) saved.add(sequence)
        }
        for (const { who, action, sequence } of taken) {
          if (action === 'accept') {
            accept(processes[who]!, sequence)
            unsaved[who]!.add(sequence)
          } else if (action === 'save') await save(who)
          else {
            // Killed: what it had not saved yet is lost, as documented.
            processes[who] = await restored(path)
            unsaved[who]!.clear()
          }
        }
        await Promise.all([save(0), save(1)])
        const replay = await restored(path)
        for (const sequence of saved) expect(replay.wasAccepted(at(sequence), now, now - 1000)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })

  it('is refused when it is damaged, and left as it is', async () => {
    const path = newPath()
    writeFileSync(path, '{"numbers":')
    const storage = fileStorage(path)
    await expect(storage.load()).rejects.toMatchObject({ code: 'malformed' })
    await expect(storage.save(state(1))).rejects.toMatchObject({ code: 'malformed' })
  })
})

describe('the lock beside it', () => {
  const lockOf = (pid: number, age = 0) =>
    JSON.stringify({ pid, host: hostname(), at: Date.now() - age, token: 'another' })

  it('is taken over from a process that is gone', async () => {
    const path = newPath()
    const gone = spawn(process.execPath, ['-e', ''])
    await once(gone, 'exit')
    writeFileSync(`${path}.lock`, lockOf(gone.pid!))
    await fileStorage(path).save(state(3))
    expect(readdirSync(join(path, '..'))).toEqual(['remembered.json'])
  })

  it('is taken over when it is old, also when it says nothing', async () => {
    const path = newPath()
    writeFileSync(`${path}.lock`, lockOf(process.pid, 11_000))
    await fileStorage(path).save(state(3))
    writeFileSync(`${path}.lock`, '')
    utimesSync(`${path}.lock`, new Date(Date.now() - 11_000), new Date(Date.now() - 11_000))
    await fileStorage(path).save(state(4))
    expect((await fileStorage(path).load())?.numbers.directory).toBe(4)
  })

  it('is waited for, not for ever: the error says what to do', async () => {
    const path = newPath()
    writeFileSync(`${path}.lock`, lockOf(process.pid, -9_000))
    await expect(fileStorage(path, { patience: 50 }).save(state(1))).rejects.toMatchObject({
      code: 'storage-busy',
      message: expect.stringContaining(`${path}.lock`),
    })
  })
})
