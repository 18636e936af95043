import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Credentials,
  readCredentials,
  readIdentity,
  removeCredentials,
  writeCredentials,
} from '../src/credentials-file.ts'

const identity = { sender: 7 } as NonNullable<Credentials['identity']>
const credentials: Credentials = {
  server: 'https://plant.example:8080',
  ca: null,
  email: 'eve@plant.example',
  session: { token: 'token', expiresAt: 0 },
  state: 'active',
  senderName: 'cli',
  identity,
}

describe('credentials.json', () => {
  const before = process.env.SEALMQ_HOME
  let home: string
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sealmq-home-'))
    process.env.SEALMQ_HOME = home
  })
  afterEach(async () => {
    if (before === undefined) delete process.env.SEALMQ_HOME
    else process.env.SEALMQ_HOME = before
    await rm(home, { recursive: true, force: true })
  })

  it('keeps a session and a sender, until they are removed', async () => {
    await writeCredentials(credentials)
    expect(await readCredentials()).toEqual(credentials)
    expect(await readIdentity()).toEqual(identity)
    await removeCredentials(credentials)
    await expect(readCredentials()).rejects.toMatchObject({ code: 'not-signed-in', exitCode: 3 })
  })

  it.each([
    ['waiting', 'not-approved', 'sealmq login --server https://plant.example:8080 --email eve@plant.example'],
    ['factor-needed', 'factor-needed', 'sealmq factor add totp'],
  ] as const)('says what to do where there is no sender yet: %s', async (state, code, advice) => {
    const limited = { ...credentials, state, identity: null }
    await writeCredentials(limited)
    expect(await readCredentials()).toEqual(limited)
    await expect(readIdentity()).rejects.toMatchObject({
      code,
      exitCode: 4,
      message: expect.stringContaining(advice),
    })
    await removeCredentials(limited)
  })

  it.each(['', '{', 'null', '{}', '[]'])('says that it is damaged: %j', async (text) => {
    await writeFile(join(home, 'credentials.json'), text)
    await expect(readCredentials()).rejects.toMatchObject({ code: 'credentials-damaged' })
  })
})
