import { routes, type SenderCreated } from '@sealmq/protocol/api'
import { describe, expect, it } from 'vitest'
import { system } from '../src/audit/actors.ts'
import type { NewRecord } from '../src/audit/append.ts'
import { RefusalLog } from '../src/audit/refusal-log.ts'
import { ManualTimers, recordsOf, recordsWhile, verifyLog } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, password } from './test-authority.ts'
import { minute } from './test-clock.ts'

onEachEngine('refusals in the audit log', (engine) => {
  const timers = new ManualTimers()
  const shared = new SharedAuthority(engine, { schedule: timers.schedule })
  const { clock } = shared

  it('say who was refused what, by the action of the route', async () => {
    const { authority } = shared
    const { token, id: member } = await authority.createMember(shared.newName(), 'viewer')
    const ask = (method: string, path: string, body?: object) => authority.ask(method, path, body, token)
    const records = await recordsWhile(authority, async () => {
      await ask('PATCH', at(routes.channel, 'sensor'), {})
      await ask('GET', at(routes.member, 'ada@plant.example'))
      await ask('DELETE', at(routes.session, 'none'))
      await ask('GET', routes.auditRecords)
    })
    const asked = records.map(({ action, result, code, on, actor }) => ({
      action,
      result,
      code,
      on,
      who: actor.member,
    }))
    const route = (id: string | null, name: string) => ({ kind: 'route', id, name })
    const refused = { result: 'refused', code: 'not-allowed', who: member }
    expect(asked).toEqual([
      { ...refused, action: 'channel.change', on: route('sensor', `PATCH ${routes.channel}`) },
      { ...refused, action: 'request.refuse', on: route('ada@plant.example', `GET ${routes.member}`) },
      { ...refused, code: 'not-found', action: 'session.end', on: route('none', `DELETE ${routes.session}`) },
      { ...refused, action: 'request.refuse', on: route(null, `GET ${routes.auditRecords}`) },
    ])
    for (const { actor, address, request } of records) {
      expect(actor).toMatchObject({ kind: 'member', sender: null, roles: ['viewer'] })
      expect([address, request]).toEqual([expect.stringContaining('127.0.0.1'), expect.any(String)])
    }
    await verifyLog(authority)
  })

  it('name senders and administrators, and no text that steers a terminal', async () => {
    const { authority } = shared
    const own = await authority.addSender(authority.admin)
    const other: SenderCreated = await authority.addSender(authority.admin)
    const records = await recordsWhile(authority, async () => {
      await authority.ask('DELETE', at(routes.sender, other.sender), undefined, own.token)
      await authority.askAdmin('POST', routes.channels, { name: 'x', filters: ['iot/#'] })
      const { token } = await authority.createMember(shared.newName(), 'viewer')
      await authority.ask('DELETE', at(routes.role, '\u001b[2J'), undefined, token)
    })
    const refused = records.filter(({ result }) => result === 'refused')
    expect(refused).toMatchObject([
      { action: 'sender.remove', code: 'not-found', actor: { kind: 'sender', sender: own.sender } },
      { action: 'channel.create', code: 'channel-overlap', actor: { kind: 'member', name: 'ada@plant.example' } },
      { action: 'role.remove', code: 'not-allowed', on: { id: null } },
    ])
  })

  it('are none for wrong requests, questions for a factor, what is not there to read, and strangers without a guess', async () => {
    const { authority } = shared
    const { token } = await authority.createMember(shared.newName(), 'viewer')
    clock.move(10 * minute + 1)
    const records = await recordsWhile(authority, async () => {
      expect(await authority.askAdmin('POST', routes.channels, {})).toMatchObject({ status: 403 })
      expect(await authority.ask('POST', routes.senders, {}, token)).toMatchObject({ status: 403 })
      expect(await authority.askAdmin('GET', at(routes.member, 'nobody'))).toMatchObject({ status: 404 })
      expect(await authority.ask('POST', routes.stepUp, {}, token)).toMatchObject({ status: 400 })
      expect(await authority.ask('POST', routes.channels, {})).toMatchObject({ status: 401 })
      expect(await authority.ask('GET', routes.keyring, undefined, 'A'.repeat(43))).toMatchObject({ status: 401 })
      expect(await authority.ask('POST', routes.verify, {})).toMatchObject({ status: 400 })
      expect(await authority.ask('GET', '/nowhere')).toMatchObject({ status: 404 })
    })
    expect(records).toEqual([])
  })

  it('of strangers are their guesses: codes and the setup code', async () => {
    const { authority } = shared
    const records = await recordsWhile(authority, async () => {
      await authority.ask('POST', routes.verify, { email: 'ada@plant.example', code: '000000' })
      await authority.ask('POST', routes.passwordReset, { email: 'nobody@plant.example', code: '000000', password })
      await authority.ask('POST', routes.setup, authority.setup('AAAAA'))
    })
    const stranger = { actor: { kind: 'stranger', member: null, name: null }, result: 'refused' }
    expect(records).toMatchObject([
      { ...stranger, action: 'address.confirm', code: 'wrong-code' },
      { ...stranger, action: 'password.reset', code: 'wrong-code' },
      { ...stranger, action: 'authority.set-up', code: 'setup-done' },
    ])
  })

  it('do not fill the log: a flood from one address is sixty records and its number', async () => {
    const { authority } = shared
    timers.elapse(minute)
    const store = await authority.database()
    const flood = 90
    const records = await recordsWhile(authority, async () => {
      for (let index = 0; index < flood; index++) {
        // Of no account, and each of another: only the address is the same.
        const request = { email: `nobody${index}@plant.example`, code: '000000' }
        const from = { 'x-forwarded-for': '192.0.2.7' }
        const { status } = await authority.ask('POST', routes.verify, request, undefined, from)
        expect(status).toBe(401)
      }
    })
    expect(records).toHaveLength(60)
    timers.elapse(minute)
    const told = async () => (await recordsOf(store)).filter(({ detail }) => detail.skipped !== undefined)
    while ((await told()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(await told()).toMatchObject([
      {
        action: 'request.refuse',
        result: 'refused',
        actor: { kind: 'stranger' },
        address: '192.0.2.7',
        detail: { skipped: flood - 60 },
      },
    ])
    await verifyLog(authority)
  })
})

describe('the limits of recorded refusals', () => {
  const event = { action: 'address.confirm', code: 'wrong-code' } as const
  const stranger = (address: string) => ({ ...system, actor: { ...system.actor, kind: 'stranger' as const }, address })
  const member = (id: string) => ({ ...system, actor: { ...system.actor, kind: 'member' as const, member: id } })

  function refusals() {
    const timers = new ManualTimers()
    const recorded: NewRecord[] = []
    const log = new RefusalLog({
      record: async (records) => void recorded.push(...records),
      failed: () => expect.fail('nothing fails here'),
      schedule: timers.schedule,
    })
    return { timers, recorded, log, skipped: () => recorded.map(({ event: { detail } }) => detail?.skipped ?? 0) }
  }

  it('hold for all strangers together, however many addresses they have', async () => {
    const { timers, recorded, log, skipped } = refusals()
    const flood = 10_000
    for (let index = 0; index < flood; index++) await log.add(event, stranger(`192.0.2.${index % 90}`))
    expect(recorded).toHaveLength(300)
    for (let index = 0; index < flood; index++) await log.add(event, stranger(`2001:db8:${index.toString(16)}::1`))
    expect(recorded).toHaveLength(300)
    timers.elapse(minute)
    expect(recorded.length).toBeLessThanOrEqual(300 + 101)
    expect(skipped().reduce<number>((sum, count) => sum + Number(count), 300)).toBe(2 * flood)
    for (let index = 0; index < 100; index++) await log.add(event, member('bea'))
    expect(recorded.filter(({ origin }) => origin.actor.kind === 'member')).toHaveLength(60)
  })

  it('are of one minute and of one member; what is over is told at the end too', async () => {
    const { timers, recorded, log, skipped } = refusals()
    for (let index = 0; index < 61; index++) await log.add(event, member('bea'))
    await log.add(event, member('cid'))
    expect(recorded).toHaveLength(61)
    timers.elapse(minute)
    expect(skipped().at(-1)).toBe(1)
    expect(recorded.at(-1)!.origin.actor.member).toBe('bea')
    expect(timers.delays).toEqual([])
    for (let index = 0; index < 62; index++) await log.add(event, member('bea'))
    await log.stop()
    expect([recorded.length, skipped().at(-1)]).toEqual([62 + 60 + 1, 2])
  })

  it('answer the asker all the same when nothing can be recorded', async () => {
    const failures: unknown[] = []
    const log = new RefusalLog({
      record: () => Promise.reject(new Error('full')),
      failed: (error) => failures.push(error),
      schedule: new ManualTimers().schedule,
    })
    await log.add(event, member('bea'))
    expect(failures).toHaveLength(1)
  })
})
