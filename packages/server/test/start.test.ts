import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startAuthority } from '../src/index.ts'
import { TestAuthority, testOptions } from './test-authority.ts'

describe('starting the authority', () => {
  const open: TestAuthority[] = []
  const start = async (...options: Parameters<typeof TestAuthority.start>) => {
    const authority = await TestAuthority.withAdministrator(...options)
    open.push(authority)
    return authority
  }
  afterEach(async () => {
    for (const authority of open.splice(0)) await authority.close().catch(() => {})
  })

  /** Runs, stops, spoils something in its folder, and gives what the next start says. */
  async function restartAfter(spoil: (folder: string) => Promise<void>) {
    const authority = await TestAuthority.withAdministrator()
    await authority.close()
    await spoil(authority.options.dataDir)
    return startAuthority(authority.options).then(
      async (running) => {
        await running.close()
        return null
      },
      (error) => error,
    )
  }

  it('makes no new deployment beside the master key of one whose store is gone', async () => {
    const error = await restartAfter(async (folder) => {
      for (const name of await readdir(folder)) if (name.startsWith('sealmq.db')) await rm(join(folder, name))
    })
    expect(error).toMatchObject({ code: 'store-missing' })
  })

  it('makes its folder and master key for the owner alone, and no key is in the database in the clear', async () => {
    const { options } = await start({ dataDir: join(testOptions().dataDir, 'made', 'here') })
    const mode = async (name: string) => (await stat(join(options.dataDir, name))).mode & 0o777
    expect(await mode('.')).toBe(0o700)
    expect(await mode('master.key')).toBe(0o600)
    const masterKey = Buffer.from(await readFile(join(options.dataDir, 'master.key'), 'utf8'), 'base64url')
    for (const name of ['sealmq.db', 'sealmq.db-wal']) {
      const path = join(options.dataDir, name)
      if (existsSync(path)) expect((await readFile(path)).includes(masterKey)).toBe(false)
    }
  })

  it('says that the master key is gone, damaged or of another store', async () => {
    const key = (folder: string) => join(folder, 'master.key')
    expect(await restartAfter((folder) => rm(key(folder)))).toMatchObject({ code: 'master-key-missing' })
    expect(await restartAfter((folder) => writeFile(key(folder), 'short'))).toMatchObject({
      code: 'master-key-damaged',
    })
    const other = Buffer.alloc(32, 7).toString('base64url')
    expect(await restartAfter((folder) => writeFile(key(folder), other))).toMatchObject({ code: 'master-key-damaged' })
    await expect(startAuthority(testOptions({ masterKey: 'nonsense' }))).rejects.toMatchObject({
      code: 'master-key-damaged',
    })
  })

  it('takes the master key from the environment in place of a file', async () => {
    const masterKey = Buffer.alloc(32, 9).toString('base64url')
    const authority = await start({ masterKey })
    expect(existsSync(join(authority.options.dataDir, 'master.key'))).toBe(false)
    await authority.restart()
    await authority.close()
    await expect(startAuthority({ ...authority.options, masterKey: null })).rejects.toMatchObject({
      code: 'master-key-missing',
    })
  })

  it('says that the database is damaged, whatever is wrong with it', async () => {
    const database = (folder: string) => join(folder, 'sealmq.db')
    const noDatabase = await restartAfter((folder) =>
      writeFile(database(folder), 'this is no database at all, just text'),
    )
    expect(noDatabase).toMatchObject({ code: 'store-damaged', message: expect.stringContaining('sealmq restore') })
    expect(await restartAfter((folder) => truncate(database(folder), 8192))).toMatchObject({ code: 'store-damaged' })
    const page = await restartAfter(async (folder) => {
      const bytes = await readFile(database(folder))
      bytes.fill(0xa5, 4096, 4096 * 12)
      await writeFile(database(folder), bytes)
    })
    expect(page).toMatchObject({ code: 'store-damaged' })
  })

  it('says that the data folder cannot be made', async () => {
    const { dataDir } = testOptions()
    await writeFile(join(dataDir, 'file'), '')
    await expect(startAuthority(testOptions({ dataDir: join(dataDir, 'file', 'data') }))).rejects.toMatchObject({
      code: 'data-unwritable',
    })
  })

  it('says which port is taken, and leaves nothing open', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    for (const flag of ['http', 'mqtt'] as const) {
      const options = testOptions({ [flag]: { host: '127.0.0.1', port } })
      await expect(startAuthority(options)).rejects.toMatchObject({
        code: 'port-in-use',
        message: expect.stringContaining(`--${flag}`),
      })
      const again = await startAuthority({ ...options, [flag]: { host: '127.0.0.1', port: 0 } })
      await again.close()
    }
    taken.close()
    await expect(
      startAuthority(testOptions({ mqtt: { host: '192.0.2.1', port: 0 }, allowPlain: true })),
    ).rejects.toMatchObject({ code: 'address-unusable' })
  })

  it('refuses plain transport beyond loopback unless told so, and a store of another kind', async () => {
    const everywhere = { host: '0.0.0.0', port: 0 }
    await expect(startAuthority(testOptions({ http: everywhere }))).rejects.toMatchObject({
      code: 'plain-refused',
      message: expect.stringContaining('--http'),
    })
    await expect(startAuthority(testOptions({ mqtt: everywhere }))).rejects.toMatchObject({
      code: 'plain-refused',
      message: expect.stringContaining('--mqtt'),
    })
    const allowed = await startAuthority(testOptions({ http: everywhere, allowPlain: true }))
    await allowed.close()
    await expect(startAuthority(testOptions({ store: 'mysql://localhost/x' }))).rejects.toMatchObject({
      code: 'bad-setting',
    })
    const unreachable = startAuthority(testOptions({ store: 'postgres://user:hunter2@127.0.0.1:1/x' }))
    await expect(unreachable).rejects.toMatchObject({
      code: 'store-unreachable',
      message: expect.not.stringContaining('hunter2'),
    })
  })

  it('refuses host names that only look like loopback, stores that are none, and unfit names and log levels', async () => {
    const lookAlike = { host: '127.0.0.1.plant.example', port: 0 }
    await expect(startAuthority(testOptions({ http: lookAlike }))).rejects.toMatchObject({ code: 'plain-refused' })
    for (const options of [
      { store: '' },
      { store: 'nonsense' },
      { name: '' },
      { name: '\u001b[2J' },
      { name: 'x'.repeat(101) },
      { logLevel: 'loud' },
      { logLevel: '' },
    ]) {
      const [flag] = Object.keys(options)
      await expect(startAuthority(testOptions(options)), JSON.stringify(options)).rejects.toMatchObject({
        code: 'bad-setting',
        message: expect.stringContaining(flag === 'logLevel' ? '--log-level' : `--${flag}`),
      })
    }
  })

  it('lets one authority only work in a folder', async () => {
    const { options } = await start()
    await expect(startAuthority(options)).rejects.toMatchObject({ code: 'data-locked' })
  })

  it('says which TLS file cannot be used', async () => {
    const { dataDir } = testOptions()
    await mkdir(dataDir, { recursive: true })
    const files = (cert: string, key: string) => ({
      kind: 'files' as const,
      cert: join(dataDir, cert),
      key: join(dataDir, key),
    })
    await expect(startAuthority(testOptions({ tls: files('none.pem', 'none.key') }))).rejects.toMatchObject({
      code: 'tls-files',
      message: expect.stringContaining('--tls-cert'),
    })
    await writeFile(join(dataDir, 'a.pem'), 'no certificate')
    await copyFile(join(dataDir, 'a.pem'), join(dataDir, 'a.key'))
    await expect(startAuthority(testOptions({ tls: files('a.pem', 'a.key') }))).rejects.toMatchObject({
      code: 'tls-files',
    })
  })
})
