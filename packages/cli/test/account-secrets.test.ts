import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { knownDevices, signUps } from '../src/account-secrets.ts'

const plant = 'https://plant.example:8080'
const other = 'https://other.example:8080'

describe.each([
  ['known-devices.json', knownDevices],
  ['sign-ups.json', signUps],
])('%s', (name, secrets) => {
  const before = process.env.SEALMQ_HOME
  let home: string
  let file: string
  beforeEach(async () => {
    home = join(await mkdtemp(join(tmpdir(), 'sealmq-home-')), 'new')
    file = join(home, name)
    process.env.SEALMQ_HOME = home
  })
  afterEach(async () => {
    if (before === undefined) delete process.env.SEALMQ_HOME
    else process.env.SEALMQ_HOME = before
    await rm(home, { recursive: true, force: true })
  })

  it('finds nothing where there is no file', async () => {
    expect(await secrets.find(plant, 'eve@plant.example')).toBeNull()
    await secrets.forget(plant, 'eve@plant.example')
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  it('keeps one secret for each authority and name, the latest', async () => {
    await secrets.keep(plant, 'eve@plant.example', 'first')
    await secrets.keep(other, 'eve@plant.example', 'of another authority')
    await secrets.keep(plant, '__proto__', 'of a strange name')
    await secrets.keep(plant, 'eve@plant.example', 'second')
    expect(await secrets.find(plant, 'eve@plant.example')).toBe('second')
    expect(await secrets.find(other, 'eve@plant.example')).toBe('of another authority')
    expect(await secrets.find(plant, '__proto__')).toBe('of a strange name')
    expect(await secrets.find(plant, 'adam@plant.example')).toBeNull()
    expect(JSON.parse(await readFile(file, 'utf8'))).toHaveLength(3)
    await secrets.forget(plant, 'eve@plant.example')
    expect(await secrets.find(plant, 'eve@plant.example')).toBeNull()
    expect(await secrets.find(other, 'eve@plant.example')).toBe('of another authority')
  })

  it('compares names as the authority does', async () => {
    await secrets.keep(plant, ' Zoë@Plant.Example', 'secret')
    expect(await secrets.find(plant, 'zoe\u0308@plant.example')).toBe('secret')
  })

  it('lets nobody else read the file', async () => {
    await secrets.keep(plant, 'eve@plant.example', 'secret')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(home)).mode & 0o777).toBe(0o700)
  })

  it('is whole and has no leftovers when several write it at once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => secrets.keep(plant, `person-${index}`, 'secret')))
    expect(JSON.parse(await readFile(file, 'utf8')).length).toBeGreaterThan(0)
    expect(await readdir(home)).toEqual([name])
  })

  it.each(['', '{', '{}', 'null', '[null]', '[{"server":"x"}]'])(
    'does not begin anew over a damaged file: %s',
    async (text) => {
      await secrets.keep(plant, 'eve@plant.example', 'secret')
      await writeFile(file, text)
      await expect(secrets.keep(plant, 'adam@plant.example', 'x')).rejects.toMatchObject({ code: 'file-damaged' })
      expect(await readFile(file, 'utf8')).toBe(text)
    },
  )
})
