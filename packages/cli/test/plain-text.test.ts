import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { plainJson, plainText } from '../src/plain-text.ts'

const steering = '\u001b[2J\u009b2J\u007f\u202e\u2066\u061c\u200f\n\ufeff'

it('nothing steers a terminal, in text and in JSON, which reads the same', () => {
  expect(plainText(steering)).toMatch(/^[ -~]+$/)
  const record = { detail: { clientId: `pump${steering}` } }
  expect(plainJson(record)).toMatch(/^[ -~]+$/)
  expect(JSON.parse(plainJson(record))).toEqual(record)
})

it('an error that names what somebody else has written does not steer it either', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealmq-plain-'))
  const proof = join(folder, 'hostile.tlog-proof')
  const base64 = (length: number) => Buffer.alloc(length, 1).toString('base64')
  const note = `sealmq/\u009b2J\u202e\n1\n${base64(32)}\n\n\u2014 sealmq/aa ${base64(68)}\n`
  writeFileSync(proof, `c2sp.org/tlog-proof@v1\nextra ${base64(3)}\nindex 0\n\n${note}`)
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../bin/sealmq.js'), 'audit', 'verify', '--proof', proof],
    { env: { ...process.env, SEALMQ_HOME: folder }, encoding: 'utf8' },
  )
  expect(status).toBe(2)
  expect(stderr).toContain('[key-needed]')
  expect(stderr).toMatch(/^[ -~]+\n$/)
})
