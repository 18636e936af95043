import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { knownLog, rememberLog, replaceLog } from '../src/known-logs.ts'

const tree = (size: number, origin = 'sealmq/aa') => ({ origin, size, root: 'cm9vdA==', key: `${origin}+key` })
let before: string | undefined
let home = ''

beforeEach(() => {
  before = process.env.SEALMQ_HOME
  home = mkdtempSync(join(tmpdir(), 'sealmq-known-logs-'))
  process.env.SEALMQ_HOME = home
})
afterEach(() => {
  if (before === undefined) delete process.env.SEALMQ_HOME
  else process.env.SEALMQ_HOME = before
})

it('keeps the largest tree of each log, readable by the owner only', async () => {
  expect(await knownLog('sealmq/aa')).toBeNull()
  await rememberLog(tree(10))
  await rememberLog(tree(7))
  await rememberLog({ ...tree(10), root: 'b3RoZXI=' })
  await rememberLog(tree(3, 'sealmq/bb'))
  expect(await knownLog('sealmq/aa')).toEqual(tree(10))
  expect(await knownLog('sealmq/bb')).toEqual(tree(3, 'sealmq/bb'))
  await rememberLog(tree(11))
  expect(await knownLog('sealmq/aa')).toEqual(tree(11))
  expect(statSync(join(home, 'audit-logs.json')).mode & 0o777).toBe(0o600)
})

it('forgets a larger tree on purpose only', async () => {
  await rememberLog(tree(10))
  await replaceLog(tree(2))
  expect(await knownLog('sealmq/aa')).toEqual(tree(2))
})

it.each(['', '{', '{}', '[{}]', '[{"origin":"a","size":"1","root":"","key":""}]'])(
  'does not begin anew when %j stands there',
  async (text) => {
    const file = join(home, 'audit-logs.json')
    writeFileSync(file, text)
    await expect(knownLog('sealmq/aa')).rejects.toMatchObject({ code: 'file-damaged' })
    await expect(rememberLog(tree(10))).rejects.toMatchObject({ code: 'file-damaged' })
    expect(readFileSync(file, 'utf8')).toBe(text)
  },
)
