import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { leafHash, MerkleEdge } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AuditedPlant } from './audited-plant.ts'
import { json } from './people.ts'
import { ended, type Installation, lines, lineThat, temporaryFolder } from './sealmq-process.ts'

/** Many short commands in each test: slow where the machine is busy, ms. */
const patience = 300_000

const folder = temporaryFolder()
const path = (name: string) => join(folder, name)

/** What `audit verify --json` prints. */
interface Report {
  whole: boolean
  firstUse: boolean
  size: number
  key: string
  findings: { code: string; from: number | null; to: number | null; message: string }[]
  notes: { code: string }[]
}

interface Line {
  position: number
  action: string
  result: string
  code: string | null
  actor: { kind: string; name: string | null }
  address: string | null
  on: { kind: string; name: string | null } | null
  channel: string | null
}

const records = async (person: Installation, ...words: string[]): Promise<Line[]> => {
  const { code, out, err } = await person.run('audit', 'list', '--json', ...words)
  expect({ code, err }).toMatchObject({ code: 0 })
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

const codesOf = ({ findings }: Report) => [...new Set(findings.map(({ code }) => code))]

/** `audit verify --json` where something is to be found. */
async function found(person: Installation, ...words: string[]): Promise<Report> {
  const { code, out, err } = await person.run('audit', 'verify', '--json', ...words)
  expect({ code, err }).toMatchObject({ code: 7 })
  const report = JSON.parse(out) as Report
  expect(report).toMatchObject({ whole: false })
  return report
}

describe('the audit log by the command line', { timeout: patience }, () => {
  let plant: AuditedPlant
  let admin: Installation
  const canary = `CANARY-${randomBytes(12).toString('hex')}`

  beforeAll(async () => {
    plant = await AuditedPlant.start()
    admin = plant.admin
  }, patience)
  afterAll(() => plant.stop())

  it('lists who did what, to whom, from where', async () => {
    await plant.member('anna', 'sensor')
    expect(await admin.run('channels', 'create', 'torque', '--filter', 'plant/torque', '--audit', 'off')).toMatchObject(
      {
        code: 0,
      },
    )
    expect((await admin.run('channels', 'list')).out).toMatch(/^torque .* off +\d+/m)
    expect(await admin.run('users', 'remove', 'anna@plant.example')).toMatchObject({ code: 0 })
    const removals = await records(admin, '--action', 'member.remove')
    expect(removals).toMatchObject([
      {
        result: 'done',
        actor: { kind: 'member', name: 'ada@plant.example' },
        address: '127.0.0.1',
        on: { kind: 'member', name: 'anna@plant.example' },
      },
    ])
    const { out } = await admin.run('audit', 'list', '--action', 'member', '--wide')
    expect(out).toMatch(/^POSITION +LOCAL TIME +WHO/)
    expect(out).toMatch(
      /^\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +ada@plant\.example +member\.remove +member anna@plant\.example +- +done +127\.0\.0\.1$/m,
    )
    expect(out).toMatch(/^ {2}roles=\["sensor"\] /m)
  })

  it('filters by time, person, action, result and channel, and pages', async () => {
    const all = await records(admin, '--limit', '0')
    expect(all.map(({ position }) => position)).toEqual(all.map((_, index) => index))
    expect(await records(admin, '--limit', '3')).toEqual(all.slice(-3))
    expect((await records(admin, '--action', 'member.*')).map(({ action }) => action)).toEqual([
      'member.create',
      'member.remove',
    ])
    const ofTorque = await records(admin, '--channel', 'torque')
    expect(ofTorque.map(({ action }) => action)).toEqual(['channel.create', 'epoch.start'])
    const ada = await records(admin, '--actor', 'ADA@plant.example', '--limit', '0')
    expect(ada.length).toBeGreaterThan(2)
    expect(ada.length).toBeLessThan(all.length)
    expect((await records(admin, '--since', '1h', '--until', '2099-01-01', '--limit', '0')).length).toBe(all.length)
    expect(await records(admin, '--until', '1h')).toEqual([])
    const none = { code: 0, out: '', err: 'No record fits.\n' }
    expect(await admin.run('audit', 'list', '--until', '1h')).toEqual(none)
    expect(await admin.run('audit', 'list', '--action', 'member.delete')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/Did you mean .*member\.remove.*\[unknown-action\]/),
    })
    expect(await admin.run('audit', 'list', '--since', 'yesteryear')).toMatchObject({
      code: 2,
      err: expect.stringContaining('[bad-time]'),
    })
    expect(await admin.run('audit', 'list', '--since', '1h', '--until', '2h')).toMatchObject({ code: 2 })
  })

  it('lets auditors read and change nothing, and others not even read', async () => {
    expect(await admin.run('roles', 'create', 'auditors', '--auditor')).toMatchObject({ code: 0 })
    expect((await admin.run('roles', 'list')).out).toMatch(/^auditors \(auditor\) /m)
    const auditor = await plant.member('otto', 'auditors')
    expect((await records(auditor)).length).toBeGreaterThan(10)
    expect(json<Report>(await auditor.run('audit', 'verify', '--json'))).toMatchObject({ whole: true, firstUse: true })
    const refused = { code: 4, out: '', err: expect.stringContaining('[not-allowed]') }
    expect(await auditor.run('users', 'remove', 'ada@plant.example')).toMatchObject(refused)
    expect(await auditor.run('roles', 'change', 'auditors', '--no-auditor')).toMatchObject(refused)
    const viewer = await plant.member('vera', 'viewer')
    const out = path('viewer.jsonl')
    for (const words of [['list'], ['tail'], ['export', '--out', out], ['verify'], ['proof', '0']])
      expect(await viewer.run('audit', ...words)).toMatchObject(refused)
    expect(existsSync(out) || existsSync(`${out}.partial`)).toBe(false)
    // Everybody can keep what nobody can take back.
    expect(await viewer.run('audit', 'checkpoint', '--out', path('viewer.txt'))).toMatchObject({ code: 0 })
    expect(await admin.run('roles', 'change', 'auditors', '--no-auditor')).toMatchObject({ code: 0 })
    expect(await auditor.run('audit', 'list')).toMatchObject(refused)
  })

  it('exports, verifies offline, and names one altered character and a cut', async () => {
    const file = path('whole.jsonl')
    expect(await admin.run('audit', 'export', '--out', file)).toMatchObject({ code: 0 })
    expect(readdirSync(folder)).not.toContain('whole.jsonl.partial')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await admin.run('audit', 'export', '--out', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('[file-exists]'),
    })
    expect(await admin.run('audit', 'export', '--out', file, '--force')).toMatchObject({ code: 0 })
    const elsewhere = plant.install()
    const first = await elsewhere.run('audit', 'verify', '--file', file)
    expect(first).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^The log of \d+ records is whole: up to record/),
    })
    expect(first.err).toContain('First use')
    expect(await elsewhere.run('audit', 'verify', '--file', file)).toMatchObject({ code: 0, err: '' })
    const memory = join(elsewhere.home, 'audit-logs.json')
    expect(statSync(memory).mode & 0o777).toBe(0o600)

    const text = readFileSync(file, 'utf8')
    const altered = path('altered.jsonl')
    writeFileSync(altered, text.replace('"action":"member.remove"', '"action":"member.remova"'))
    const [removal] = await records(admin, '--action', 'member.remove')
    const named = await elsewhere.run('audit', 'verify', '--file', altered)
    expect(named.code).toBe(7)
    expect(named.out).toMatch(/^NOT WHOLE\. .*: 1 finding\.$/m)
    expect(named.out).toMatch(new RegExp(`^ALTERED: Record ${removal!.position} \\(\\d{4}-.*, member\\.remova\\)`, 'm'))
    expect(named.out).toContain('by ada@plant.example on member anna@plant.example from 127.0.0.1')

    const cut = path('cut.jsonl')
    writeFileSync(cut, `${text.split('\n').slice(0, 6).join('\n')}\n`)
    expect(codesOf(await found(elsewhere, '--file', cut))).toContain('cut')
    writeFileSync(cut, text.slice(0, -100))
    expect(codesOf(await found(elsewhere, '--file', cut)).toSorted()).toEqual(['cut', 'malformed'])
    // Nothing that did not hold is remembered.
    expect(await elsewhere.run('audit', 'verify', '--file', file)).toMatchObject({ code: 0, err: '' })
  })

  it('keeps checkpoints one after the other, and compares with them', async () => {
    const kept = path('checkpoints.txt')
    const keeper = plant.install()
    expect(await keeper.run('audit', 'checkpoint')).toMatchObject({ code: 3 })
    expect(await admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject({ code: 0 })
    expect(await admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject({
      code: 0,
      err: expect.stringContaining('already'),
    })
    expect(await admin.run('channels', 'rotate', 'torque')).toMatchObject({ code: 0 })
    expect(json(await admin.run('audit', 'checkpoint', '--out', kept, '--json'))).toMatchObject({ added: true })
    expect(readFileSync(kept, 'utf8').match(/^sealmq\//gm)).toHaveLength(2)
    expect(await admin.run('audit', 'verify', '--checkpoint', kept)).toMatchObject({
      code: 0,
      out: expect.stringContaining('2 checkpoints from outside'),
    })
  })

  it('proves one record to somebody who has the key alone', async () => {
    const [removal] = await records(admin, '--action', 'member.remove')
    const proof = path('removal')
    const made = json<{ key: string }>(
      await admin.run('audit', 'proof', String(removal!.position), '--out', proof, '--json'),
    )
    const elsewhere = plant.install()
    const words = ['audit', 'verify', '--proof', `${proof}.tlog-proof`]
    expect(await elsewhere.run(...words)).toMatchObject({ code: 2, err: expect.stringContaining('[key-needed]') })
    expect(await elsewhere.run(...words, '--key', made.key)).toMatchObject({
      code: 0,
      out: expect.stringContaining('"action":"member.remove"'),
    })
    const key = path('log.vkey')
    writeFileSync(key, `${made.key}\n`)
    expect(await elsewhere.run(...words, '--key', key)).toMatchObject({ code: 0 })
    const bad = path('bad.tlog-proof')
    const text = readFileSync(`${proof}.tlog-proof`, 'utf8')
    writeFileSync(bad, text.replace(/^index \d+$/m, 'index 1'))
    expect(await elsewhere.run('audit', 'verify', '--proof', bad, '--key', key)).toMatchObject({
      code: 7,
      err: expect.stringContaining('[not-included]'),
    })
    expect(await admin.run('audit', 'proof', '999999')).toMatchObject({
      code: 1,
      err: expect.stringContaining('[not-found]'),
    })
    const whole = path('with-proof.jsonl')
    expect(await admin.run('audit', 'export', '--out', whole)).toMatchObject({ code: 0 })
    expect(await elsewhere.run('audit', 'verify', '--file', whole, '--proof', `${proof}.tlog-proof`)).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 checkpoint from outside'),
    })
  })

  it('refuses what is no export, no checkpoint, no key, or of another log', async () => {
    const file = path('whole.jsonl')
    const elsewhere = plant.install()
    const verify = (...words: string[]) => elsewhere.run('audit', 'verify', ...words)
    const refused = (code: string) => ({ code: 2, out: '', err: expect.stringContaining(`[${code}]`) })
    expect(await verify('--file', path('nowhere'))).toMatchObject(refused('file'))
    expect(await verify('--file', folder)).toMatchObject(refused('file'))
    writeFileSync(path('empty'), '')
    writeFileSync(path('other'), '{"some":"json"}\n[]\n')
    expect(await verify('--file', path('empty'))).toMatchObject(refused('no-export'))
    expect(await verify('--file', path('other'))).toMatchObject(refused('no-export'))
    expect(await verify('--file', file, '--checkpoint', path('other'))).toMatchObject(refused('no-checkpoint'))
    expect(await verify('--file', file, '--key', path('other'))).toMatchObject(refused('bad-key'))
    expect(await verify('--file', file, '--key', 'sealmq/ab+00000000+AAAA')).toMatchObject(refused('bad-key'))
    expect(await verify('--proof', path('other'), '--key', 'x')).toMatchObject({ code: 7 })
    expect(await admin.run('audit', 'export')).toMatchObject({ code: 2 })
    expect(await admin.run('audit', 'list', '--limit', 'many')).toMatchObject({ code: 2 })

    const other = await AuditedPlant.start()
    try {
      const kept = path('other-checkpoints.txt')
      expect(await other.admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject({ code: 0 })
      expect(codesOf(await found(elsewhere, '--file', file, '--checkpoint', kept))).toEqual(['other-log'])
      const { key } = json<Report>(await other.admin.run('audit', 'verify', '--json'))
      expect(codesOf(await found(elsewhere, '--file', file, '--key', key))).toContain('other-log')
      // Checkpoints of two logs do not go into one file.
      expect(await admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject({
        code: 7,
        err: expect.stringContaining('[other-log]'),
      })
      // Another deployment that answers at the address of the first.
      const credentials = join(other.admin.home, 'credentials.json')
      const { identity, ...others } = JSON.parse(readFileSync(credentials, 'utf8'))
      const own = JSON.parse(readFileSync(join(admin.home, 'credentials.json'), 'utf8')) as typeof others
      writeFileSync(
        credentials,
        JSON.stringify({ ...others, identity: { ...identity, deployment: own.identity.deployment } }),
      )
      expect(await other.admin.run('audit', 'verify')).toMatchObject({
        code: 7,
        err: expect.stringContaining('[other-log]'),
      })
    } finally {
      other.stop()
    }
  })

  it('holds no secret, code, password or payload', async () => {
    const pump = await plant.member('pump', 'sensor')
    const guess = `guess-${canary}`
    expect(await plant.logInWith(guess, plant.install(), 'pump@plant.example')).toMatchObject({ code: 3 })
    expect(await plant.logInWith('any password at all', plant.install(), `name-${canary}`)).toMatchObject({ code: 3 })
    expect(await pump.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', `payload-${canary}`)).toMatchObject({ code: 0 })
    expect(await pump.run('pub', '-t', 'iot/sensor', '-q', '1', '-r', '-m', `state-${canary}`)).toMatchObject({
      code: 0,
    })
    const invited = json<{ code: string }>(
      await admin.run('users', 'invite', '--email', 'shift-2', '--name', 'Shift', '--role', 'sensor', '--json'),
    )
    const file = path('canary.jsonl')
    expect(await admin.run('audit', 'export', '--out', file)).toMatchObject({ code: 0 })
    const text = readFileSync(file, 'utf8')
    // The search is for what was really done.
    expect(text).toContain('"action":"login.try","result":"refused"')
    expect(text).toContain('"action":"member.invite"')
    const secrets = [canary, invited.code, invited.code.replaceAll('-', ''), plant.password, ...plant.secretsOf(pump)]
    for (const secret of [...secrets, ...plant.secretsOf(admin)]) expect(text).not.toContain(secret)
  })

  it('tails over a restart of the authority, and ends with Ctrl+C', async () => {
    const child = admin.start('audit', 'tail', '--json', '--action', 'channel.*')
    const [out, err] = [lines(child), lines(child, 'stderr')]
    expect(await out.next()).toMatchObject({ value: expect.stringContaining('"action":"channel.') })
    const kept = admin.start('audit', 'checkpoint', '--follow', '--interval', '1', '--out', path('followed.txt'))
    const notes = lines(kept, 'stderr')
    await lineThat(notes, (line) => line.includes('Checkpoint of'))
    await plant.stopAuthority()
    await lineThat(err, (line) => line.includes('[authority-away]'))
    await lineThat(notes, (line) => line.includes('[authority-away]'))
    await plant.startAuthority()
    await lineThat(err, (line) => line.includes('[authority-back]'))
    await lineThat(notes, (line) => line.includes('[authority-back]'))
    expect(await admin.run('channels', 'rotate', 'sensor')).toMatchObject({ code: 0 })
    await lineThat(out, (line) => line.includes('channel.rotate'))
    await lineThat(notes, (line) => line.includes('Checkpoint of'))
    for (const process of [child, kept]) {
      process.kill('SIGINT')
      expect(await ended(process)).toBe(0)
    }
    expect(await admin.run('audit', 'verify', '--checkpoint', path('followed.txt'))).toMatchObject({ code: 0 })
  })

  it('leaves nothing of an export that broke off', async () => {
    const whole = readFileSync(path('canary.jsonl'))
    for (const end of ['cleanly', 'broken'] as const) {
      const half = createServer((_request, response) => {
        response.write(whole.subarray(0, Math.floor(whole.length / 2)), () => {
          if (end === 'cleanly') response.end()
          else response.destroy()
        })
      }).listen(0, '127.0.0.1')
      await new Promise((resolve) => half.once('listening', resolve))
      const person = plant.install()
      const credentials = JSON.parse(readFileSync(join(admin.home, 'credentials.json'), 'utf8'))
      const server = `http://127.0.0.1:${(half.address() as AddressInfo).port}`
      writeFileSync(join(person.home, 'credentials.json'), JSON.stringify({ ...credentials, server }))
      const out = path(`half-${end}.jsonl`)
      const brokenOff = { code: 5, err: expect.stringContaining('[broken-off]') }
      expect(await person.run('audit', 'export', '--out', out)).toMatchObject(brokenOff)
      expect(readdirSync(folder).filter((name) => name.startsWith('half-'))).toEqual([])
      if (end === 'broken') expect(await person.run('audit', 'verify')).toMatchObject(brokenOff)
      else expect(codesOf(await found(person))).toContain('cut')
      half.close()
    }
  })
})

/** Makes the log whole again after its records were altered, as somebody would who has the store and knows how it works. */
function mend(store: DatabaseSync): void {
  const rows = store.prepare('SELECT position, record FROM audit_records ORDER BY position').all()
  const edge = MerkleEdge.empty(sha256)
  const update = store.prepare('UPDATE audit_records SET hash = ? WHERE position = ?')
  for (const { position, record } of rows as { position: number; record: string }[]) {
    const hash = leafHash(sha256, Buffer.from(record))
    update.run(hash, position)
    edge.append(hash)
  }
  store.prepare('UPDATE audit_log SET size = ?, edge = ?').run(rows.length, edge.bytes())
  store.prepare('DELETE FROM audit_checkpoints').run()
}

describe('a log that was altered in the store', { timeout: patience }, () => {
  let plant: AuditedPlant
  let admin: Installation
  const kept = path('kept.txt')

  beforeAll(async () => {
    plant = await AuditedPlant.start()
    admin = plant.admin
    await plant.member('anna', 'sensor')
    expect(await admin.run('users', 'remove', 'anna@plant.example')).toMatchObject({ code: 0 })
    expect(await admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject({ code: 0 })
    expect(await admin.run('audit', 'verify')).toMatchObject({ code: 0 })
  }, patience)
  afterAll(() => plant.stop())

  it('is found and named by a checkpoint from outside, and by what was seen before', async () => {
    const [removal] = await records(admin, '--action', 'member.remove')
    await plant.tamper((store) => {
      const change = store.prepare('UPDATE audit_records SET record = replace(record, ?, ?) WHERE position = ?')
      expect(change.run('anna@plant.example', 'emma@plant.example', removal!.position).changes).toBe(1)
      mend(store)
    })
    const file = path('forged.jsonl')
    expect(await admin.run('audit', 'export', '--out', file)).toMatchObject({ code: 0 })
    // Who has kept nothing cannot see it.
    const stranger = plant.install()
    expect(json<Report>(await stranger.run('audit', 'verify', '--file', file, '--json'))).toMatchObject({
      whole: true,
      notes: expect.arrayContaining([expect.objectContaining({ code: 'no-outside-checkpoint' })]),
    })
    const report = await found(stranger, '--file', file, '--checkpoint', kept)
    expect(codesOf(report)).toEqual(['forked'])
    expect(report.findings[0]!.from).toBeLessThanOrEqual(removal!.position)
    expect(report.findings[0]!.to).toBeGreaterThanOrEqual(removal!.position)
    const shown = await admin.run('audit', 'verify')
    expect(shown).toMatchObject({ code: 7, out: expect.stringContaining('FORKED: ') })
    expect(shown.out).toContain('the tree remembered from last time')
    const forked = { code: 7, err: expect.stringContaining('[log-forked]') }
    expect(await admin.run('audit', 'checkpoint', '--out', kept)).toMatchObject(forked)
    expect(await admin.run('audit', 'proof', '0')).toMatchObject(forked)
    expect(readFileSync(kept, 'utf8').match(/^sealmq\//gm)).toHaveLength(1)
    // Another person's file of checkpoints is a memory of its own.
    const person = await plant.member('fresh', 'viewer')
    expect(await person.run('audit', 'checkpoint', '--out', kept)).toMatchObject(forked)
    // What was refused is not remembered.
    expect(await person.run('audit', 'checkpoint')).toMatchObject({
      code: 0,
      err: expect.stringContaining('First use'),
    })
  })

  it('is forgotten on purpose only', async () => {
    expect(await admin.run('audit', 'verify')).toMatchObject({ code: 7 })
    expect(await admin.run('audit', 'verify', '--forget')).toMatchObject({
      code: 0,
      err: expect.stringMatching(/is forgotten; \d+ records are remembered\. The key is the one from before\./),
    })
    expect(await admin.run('audit', 'verify')).toMatchObject({ code: 0 })
  })

  it('is found when its end was taken away', async () => {
    const memory = join(admin.home, 'audit-logs.json')
    const before = readFileSync(memory, 'utf8')
    const [{ size }] = JSON.parse(before) as [{ size: number }]
    await plant.tamper((store) => {
      store.prepare('DELETE FROM audit_records WHERE position >= ?').run(size - 6)
      mend(store)
    })
    const report = await found(admin)
    expect(['cut', 'forked']).toContain(report.findings[0]!.code)
    expect(report.findings[0]!.to).toBeGreaterThanOrEqual(size - 6)
    expect(await admin.run('audit', 'checkpoint')).toMatchObject({
      code: 7,
      err: expect.stringContaining('[log-forked]'),
    })
    expect(readFileSync(memory, 'utf8')).toBe(before)
  })

  it('is not taken for whole with a damaged memory of it', async () => {
    const file = path('damaged.jsonl')
    expect(await admin.run('audit', 'export', '--out', file)).toMatchObject({ code: 0 })
    writeFileSync(join(admin.home, 'audit-logs.json'), '[{"origin":')
    expect(await admin.run('audit', 'verify', '--file', file)).toMatchObject({
      code: 1,
      err: expect.stringContaining('[file-damaged]'),
    })
  })
})
