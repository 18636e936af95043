import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fileStorage } from '../src/node/file-storage.ts'

const newPath = () => join(mkdtempSync(join(tmpdir(), 'sealmq-storage-')), 'remembered.json')
const state = (directory: number, replay: Uint8Array | null = null) => ({
  numbers: { directory, channels: { a: directory } },
  replay,
})

describe('the file in which a client remembers', () => {
  it('is whole and has no leftovers when twenty write it at once', async () => {
    const path = newPath()
    const writers = Array.from({ length: 20 }, (_, index) => fileStorage(path).save(state(index + 1)))
    await Promise.all(writers)
    expect((await fileStorage(path).load())?.numbers.directory).toBeGreaterThan(0)
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
    await storage.save(state(1, Uint8Array.of(1, 2, 3)))
    await storage.save(state(2))
    expect(await storage.load()).toEqual(state(2, Uint8Array.of(1, 2, 3)))
  })

  it('is refused when it is damaged, and left as it is', async () => {
    const path = newPath()
    writeFileSync(path, '{"numbers":')
    const storage = fileStorage(path)
    await expect(storage.load()).rejects.toMatchObject({ code: 'malformed' })
    await expect(storage.save(state(1))).rejects.toMatchObject({ code: 'malformed' })
  })
})
