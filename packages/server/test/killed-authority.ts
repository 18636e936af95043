import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type ChannelInfo, type RoleInfo, routes, type SenderInfo } from '@sealmq/protocol/api'
import pg from 'pg'
import { expect } from 'vitest'
import { type Count, longestMinutes } from '../../../scripts/bar.ts'
import { AuthorityProcess } from './authority-process.ts'
import { LogWatch } from './log-watch.ts'
import { TestAuthority } from './test-authority.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))
const writers = 4
/** A role that stays, a sender that is added and removed, a role that is made and removed. */
const kinds = ['role', 'sender', 'passing role'] as const
/** A round ends with the kill after so many acknowledgements at most. */
const longestRound = 12

/** What was acknowledged, and must be found again. A write whose answer did not come may be there or not. */
class Ledger {
  /** What the log must tell of the names that were acknowledged. */
  readonly recorded = new Set<string>()
  readonly roles = new Map<string, 'present' | 'absent'>()
  readonly senders = new Map<number, 'living' | 'revoked'>()
  epoch = 0
  writes = 0
}

/**
 * Kills the authority under administrative writes, again and again; every acknowledged write is there afterwards and in the
 * audit log, the store is whole, and the log goes on from every checkpoint that was seen.
 * @param store null: SQLite
 */
export async function killUnderWrites(store: string | null, kills: number, count: Count): Promise<void> {
  const authority = await TestAuthority.startBy(AuthorityProcess.start, { store })
  try {
    await authority.setUp()
    const ledger = new Ledger()
    const watch = new LogWatch(authority)
    const until = performance.now() + longestMinutes * 60_000
    for (let round = 0; round < kills; round++) {
      if (performance.now() > until) {
        count('kills left out for want of time', kills - round)
        return
      }
      const before = ledger.writes
      const watching = watch.seeCheckpoints()
      await writeUntilKilled(authority, ledger, round)
      await watching
      count('kills')
      count('acknowledged writes', ledger.writes - before)
      await checkStore(authority)
      await authority.startAgain()
      // The long form takes more than the ten minutes for which a factor is good.
      await authority.refresh()
      await checkLedger(authority, ledger)
      const { records, checkpoints } = await watch.verify(ledger.recorded)
      count('records verified', records)
      count('checkpoints seen before a kill', checkpoints)
    }
  } finally {
    await authority.close()
  }
}

async function writeUntilKilled(
  authority: TestAuthority<AuthorityProcess>,
  ledger: Ledger,
  round: number,
): Promise<void> {
  const end = ledger.writes + 1 + ((round * 5) % longestRound)
  let killed: Promise<void> | null = null
  const acknowledged = () => {
    ledger.writes++
    if (ledger.writes >= end) killed ??= authority.running.kill()
  }
  const write = async (writer: number) => {
    for (let step = 0; !killed; step++) {
      const kind = kinds[(step + writer + round) % kinds.length]!
      await writeOnce(authority, ledger, kind, `w${writer}-${round}-${step}`, acknowledged)
    }
  }
  // A write that the kill cuts off fails: its fate is open.
  const ends = await Promise.allSettled(Array.from({ length: writers }, (_, writer) => write(writer)))
  await killed
  for (const ended of ends) if (ended.status === 'rejected' && !isCutOff(ended.reason)) throw ended.reason
}

// What fetch and JSON.parse throw.
const isCutOff = (error: unknown) => error instanceof TypeError || error instanceof SyntaxError

async function writeOnce(
  authority: TestAuthority<AuthorityProcess>,
  { roles, senders, recorded }: Ledger,
  kind: (typeof kinds)[number],
  name: string,
  acknowledged: () => void,
): Promise<void> {
  if (kind === 'sender') {
    const sender = await authority.addSender(authority.admin, name)
    expect(senders.has(sender.sender), 'a sender id that was given before').toBe(false)
    senders.set(sender.sender, 'living')
    recorded.add(`sender.add ${name}`)
    acknowledged()
    senders.delete(sender.sender)
    const { status } = await authority.askAdmin('DELETE', at(routes.sender, sender.sender))
    expect(status).toBe(204)
    senders.set(sender.sender, 'revoked')
    recorded.add(`sender.remove ${name}`)
    acknowledged()
    return
  }
  const grants = [{ channel: 'sensor', right: 'publish' }]
  expect(await authority.askAdmin('POST', routes.roles, { name, grants })).toMatchObject({ status: 201 })
  roles.set(name, 'present')
  recorded.add(`role.create ${name}`)
  acknowledged()
  if (kind === 'role') return
  roles.delete(name)
  expect(await authority.askAdmin('DELETE', at(routes.role, name))).toMatchObject({ status: 204 })
  roles.set(name, 'absent')
  recorded.add(`role.remove ${name}`)
  acknowledged()
}

async function checkLedger(authority: TestAuthority<AuthorityProcess>, ledger: Ledger): Promise<void> {
  const { body: roles } = await authority.askAdmin<RoleInfo[]>('GET', routes.roles)
  const found = new Set(roles.map(({ name }) => name))
  const lost = [...ledger.roles].filter(([name, state]) => found.has(name) !== (state === 'present'))
  expect(lost, 'acknowledged roles that are lost, or that came back').toEqual([])
  for (const { name, grants } of roles) if (name.startsWith('w')) expect(grants, name).toHaveLength(1)
  const { body: senders } = await authority.askAdmin<SenderInfo[]>('GET', `${routes.senders}?all=true`)
  const revoked = new Map(senders.map(({ sender, revokedAt }) => [sender, revokedAt !== null]))
  const wrong = [...ledger.senders].filter(([sender, state]) => revoked.get(sender) !== (state === 'revoked'))
  expect(wrong, 'acknowledged senders that are lost, or live again').toEqual([])
  // What is left living because its removal was cut off is removed now, so that there are never too many.
  for (const { sender, revokedAt } of senders) {
    if (revokedAt === null) await authority.askAdmin('DELETE', at(routes.sender, sender))
  }
  const { body: channel } = await authority.askAdmin<ChannelInfo>('GET', at(routes.channel, 'sensor'))
  expect(channel.epoch, 'an epoch that went back').toBeGreaterThanOrEqual(ledger.epoch)
  const { body: rotated } = await authority.askAdmin<ChannelInfo>('POST', at(routes.rotate, 'sensor'))
  expect(rotated.epoch).toBeGreaterThan(channel.epoch)
  ledger.epoch = rotated.epoch
}

/** Nothing of a change without the rest of it; the engine's own check finds nothing. */
const invariants = [
  'select channel_id from epochs group by channel_id having sum(case when seal_until is null then 1 else 0 end) <> 1',
  'select id from channels where id not in (select channel_id from epochs)',
  'select sender from senders where revoked_at is null and member_id not in (select id from members)',
  'select role_id from grants where role_id not in (select id from roles)',
  'select id from channels where number > (select revision from deployment)',
]

async function checkStore({ options }: TestAuthority<AuthorityProcess>): Promise<void> {
  if (options.store === null) {
    const database = new DatabaseSync(join(options.dataDir, 'sealmq.db'))
    const all = (sql: string) => database.prepare(sql).all()
    expect(all('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
    expect(all('pragma foreign_key_check')).toEqual([])
    for (const sql of invariants) expect(all(sql), sql).toEqual([])
    database.close()
    return
  }
  const client = new pg.Client({ connectionString: options.store })
  await client.connect()
  await client.query('create extension if not exists amcheck')
  await client.query(
    `select bt_index_check(c.oid, true) from pg_class c join pg_am a on a.oid = c.relam
     where a.amname = 'btree' and c.relkind = 'i' and c.relpersistence = 'p'`,
  )
  for (const sql of invariants) expect((await client.query(sql)).rows, sql).toEqual([])
  await client.end()
}
