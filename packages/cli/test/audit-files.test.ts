import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { appendCheckpoint, keptCheckpoints, readCheckpoints, requireFree, writeWhole } from '../src/audit-files.ts'

const signature = Buffer.alloc(68, 7).toString('base64')
const note = (size: number) => `sealmq/aa\n${size}\ncm9vdA==\n\n— sealmq/aa ${signature}\n`
let file = ''

beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), 'sealmq-audit-files-')), 'file')
})

describe('a file of checkpoints', () => {
  it('holds one after the other', async () => {
    for (const size of [1, 2, 3]) await appendCheckpoint(file, note(size))
    expect(await readCheckpoints(file)).toEqual([note(1), note(2), note(3)])
    expect(readFileSync(file, 'utf8')).toBe(`${note(1)}\n${note(2)}\n${note(3)}`)
  })

  it.each([
    ['no newline at its end', `${note(1)}`.trimEnd(), [note(1), note(9)]],
    ['a checkpoint that a power cut tore', `${note(1)}\n${note(2).slice(0, 15)}`, [note(1), note(9)]],
    ['a torn one alone', note(2).slice(0, 15), [note(9)]],
    ['one torn within its signature', `${note(1)}\n${note(2).slice(0, -30)}`, [note(1), note(9)]],
    ['line ends of another system', note(1).replaceAll('\n', '\r\n'), [note(1), note(9)]],
  ])('goes on behind %s', async (_what, text, notes) => {
    writeFileSync(file, text)
    await appendCheckpoint(file, note(9))
    expect(await readCheckpoints(file)).toEqual(notes)
    expect(readFileSync(file, 'utf8').startsWith(text)).toBe(true)
  })

  it.each(['', 'no checkpoint\n', 'a\n\nb\n'])('is none with %j', async (text) => {
    writeFileSync(file, text)
    await expect(readCheckpoints(file)).rejects.toMatchObject({ code: 'no-checkpoint', exitCode: 2 })
  })
})

describe('a file of checkpoints to add to', () => {
  it('may be new, empty or torn', async () => {
    expect(await keptCheckpoints(file)).toEqual([])
    for (const text of ['', '\n', 'sealmq/aa\n2\n\n\n— torn\n\n']) {
      writeFileSync(file, text)
      expect(await keptCheckpoints(file)).toEqual([])
    }
  })

  it('goes on behind every piece of a checkpoint that was being written when the power went', async () => {
    for (let length = 0; length < Buffer.byteLength(note(2)) - 1; length++) {
      writeFileSync(file, Buffer.concat([Buffer.from(`${note(1)}\n`), Buffer.from(note(2)).subarray(0, length)]))
      const kept = await keptCheckpoints(file)
      expect(kept, String(length)).toEqual([note(1)])
      await appendCheckpoint(file, note(9))
      expect(await keptCheckpoints(file), String(length)).toEqual([note(1), note(9)])
    }
  })

  it.each(['no checkpoint\n', `${note(1)}\nsomething else\n`])('is not %j', async (text) => {
    writeFileSync(file, text)
    await expect(keptCheckpoints(file)).rejects.toMatchObject({ code: 'no-checkpoint' })
  })
})

describe('a file that is written as a whole', () => {
  it('has another name until it is whole', async () => {
    await writeWhole(file, async (write) => {
      await write(Buffer.from('one '))
      expect(existsSync(file)).toBe(false)
      expect(statSync(`${file}.partial`).mode & 0o777).toBe(0o600)
      await write(Buffer.from('two'))
    })
    expect(readFileSync(file, 'utf8')).toBe('one two')
    expect(existsSync(`${file}.partial`)).toBe(false)
  })

  it('leaves what was there, and nothing else, when it fails', async () => {
    writeFileSync(file, 'before')
    await expect(
      writeWhole(file, async (write) => {
        await write(Buffer.from('half'))
        throw new Error('no more')
      }),
    ).rejects.toThrow('no more')
    expect(readFileSync(file, 'utf8')).toBe('before')
    expect(existsSync(`${file}.partial`)).toBe(false)
  })

  it('replaces nothing unasked', async () => {
    await requireFree(file, false)
    writeFileSync(file, 'before')
    await expect(requireFree(file, undefined)).rejects.toMatchObject({ code: 'file-exists' })
    await requireFree(file, true)
  })
})
