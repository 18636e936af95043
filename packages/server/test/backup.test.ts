import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type MemberInfo, routes } from '@sealmq/protocol/api'
import { afterEach, describe, expect, it } from 'vitest'
import { backUp, restoreBackup } from '../src/index.ts'
import { readKeyring } from './read-keyring.ts'
import { TestAuthority, testOptions } from './test-authority.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))
const newFolder = (name: string) => join(testOptions().dataDir, name)

describe('backup and restore', () => {
  const open: TestAuthority[] = []
  afterEach(async () => {
    for (const authority of open.splice(0)) await authority.close()
  })
  const running = async () => {
    const authority = await TestAuthority.withAdministrator()
    open.push(authority)
    return authority
  }
  /** Starts an authority on a restored folder. */
  const startRestored = async (dataDir: string, options = {}) => {
    const authority = await TestAuthority.start({ dataDir, ...options })
    open.push(authority)
    return authority
  }

  it('takes a consistent copy while the authority changes', async () => {
    const authority = await running()
    const folder = newFolder('backup')
    let changing = true
    const changes = (async () => {
      for (let index = 0; changing; index++) await authority.createMember(`member-${index}`, 'viewer')
    })()
    await authority.createMember('before', 'viewer')
    const description = await backUp(authority.options.dataDir, folder, true, () => 1000)
    changing = false
    await changes
    expect(description).toEqual({ format: 1, madeAt: 1000, deployment: 'SealMQ', masterKey: true })
    const restored = newFolder('restored')
    await restoreBackup(folder, restored, Date.now)
    const again = await startRestored(restored)
    again.admin = await again.logIn('ada@plant.example')
    const { body: members } = await again.askAdmin<MemberInfo[]>('GET', routes.members)
    expect(members.map(({ email }) => email)).toEqual(
      expect.arrayContaining(['ada@plant.example', 'before@plant.example']),
    )
    for (const { roles, email } of members) expect(roles, email).toHaveLength(1)
  })

  it('never goes back: numbers, epochs and sender ids are beyond what was given after the backup; sessions end', async () => {
    const authority = await running()
    const first = await authority.addSender(authority.admin)
    const folder = newFolder('backup')
    await backUp(authority.options.dataDir, folder, true, Date.now)
    const afterwards = await authority.addSender(authority.admin)
    await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
    const last = await readKeyring(authority, first.token)
    const restored = newFolder('restored')
    await restoreBackup(folder, restored, Date.now)
    const again = await startRestored(restored)
    expect(await again.ask('GET', routes.me, undefined, authority.admin)).toMatchObject({ status: 401 })
    expect(await again.ask('GET', routes.keyring, undefined, afterwards.token)).toMatchObject({ status: 401 })
    const now = await readKeyring(again, first.token)
    expect(now.keyring.revision).toBeGreaterThan(last.keyring.revision)
    expect(now.directory.number).toBeGreaterThan(last.directory.number)
    for (const [name, { number, epochs }] of now.channels) {
      expect(number, name).toBeGreaterThan(last.channels.get(name)!.number)
      expect(epochs[0]!.epoch, name).toBeGreaterThan(last.channels.get(name)!.epochs[0]!.epoch)
    }
    again.admin = await again.logIn('ada@plant.example')
    expect((await again.addSender(again.admin)).sender).toBeGreaterThan(afterwards.sender)
    const { epochs } = now.channels.get('sensor')!
    await again.restart()
    expect((await readKeyring(again, first.token)).channels.get('sensor')!.epochs).toEqual(epochs)
  })

  it('holds no key that opens anything, unless it is asked to', async () => {
    const authority = await running()
    const masterKey = (await readFile(join(authority.options.dataDir, 'master.key'), 'utf8')).trim()
    const folder = newFolder('backup')
    await backUp(authority.options.dataDir, folder, false, Date.now)
    expect((await readdir(folder)).sort()).toEqual(['backup.json', 'sealmq.db'])
    expect((await readFile(join(folder, 'sealmq.db'))).includes(Buffer.from(masterKey, 'base64url'))).toBe(false)
    for (const name of ['', 'sealmq.db', 'backup.json']) expect((await stat(join(folder, name))).mode & 0o077).toBe(0)
    const restored = newFolder('restored')
    await restoreBackup(folder, restored, Date.now)
    await expect(startRestored(restored)).rejects.toMatchObject({ code: 'master-key-missing' })
    const again = await startRestored(restored, { masterKey })
    expect(await again.logIn('ada@plant.example')).toMatch(/^[\w-]{43}$/)
  })

  it('overwrites nothing, and says what is wrong with a backup', async () => {
    const authority = await running()
    const folder = newFolder('backup')
    await backUp(authority.options.dataDir, folder, true, Date.now)
    await expect(backUp(authority.options.dataDir, folder, true, Date.now)).rejects.toMatchObject({
      code: 'bad-setting',
    })
    await expect(backUp(newFolder('none'), newFolder('backup'), true, Date.now)).rejects.toMatchObject({
      code: 'bad-setting',
    })
    await expect(
      backUp(authority.options.dataDir, join(folder, 'backup.json', 'backup'), true, Date.now),
    ).rejects.toMatchObject({
      code: 'data-unwritable',
    })
    await expect(restoreBackup(folder, authority.options.dataDir, Date.now)).rejects.toMatchObject({
      code: 'bad-setting',
      message: expect.stringContaining('not empty'),
    })
    await expect(restoreBackup(testOptions().dataDir, newFolder('restored'), Date.now)).rejects.toMatchObject({
      code: 'bad-setting',
    })
    await truncate(join(folder, 'sealmq.db'), 20_000)
    await expect(restoreBackup(folder, newFolder('restored'), Date.now)).rejects.toMatchObject({
      code: 'store-damaged',
    })
    await writeFile(join(folder, 'backup.json'), '{}')
    await expect(restoreBackup(folder, newFolder('restored'), Date.now)).rejects.toMatchObject({ code: 'bad-setting' })
  })
})
