import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DesiredState } from '../src/broker/mosquitto/desired-state.ts'
import { difference } from '../src/broker/mosquitto/difference.ts'
import {
  type Acl,
  denyingDefaults,
  isOwnClient,
  isOwnName,
  type SecurityState,
} from '../src/broker/mosquitto/security-state.ts'
import { SecurityModel } from './security-model.ts'

const administrator = 'administrator'
const ownNames = ['sealmq-a', 'sealmq-b', 'sealmq-c']
const foreignNames = ['admin', 'theirs']
const senders = ['sender-1', 'sender-2', 'sender-3', 'sealmq-check']
const foreignClients = ['plc', 'historian']

const acl: fc.Arbitrary<Acl> = fc.record({
  acltype: fc.constantFrom('publishClientSend', 'publishClientReceive', 'subscribePattern'),
  topic: fc.constantFrom('a', 'a/#', 'b/+', '#'),
  allow: fc.boolean(),
  priority: fc.constantFrom(0, 0, 0, 7),
})
const acls = fc.uniqueArray(acl, { maxLength: 5, selector: ({ acltype, topic }) => `${acltype} ${topic}` })
const mark = fc.constantFrom('SealMQ one', 'SealMQ two')

const draws = (max: number) => fc.array(fc.nat({ max }), { minLength: 80, maxLength: 80 })
const next = (drawn: readonly number[]) => {
  let at = 0
  return () => drawn[at++ % drawn.length]
}

const actual: fc.Arbitrary<SecurityState> = fc
  .record({
    roles: fc.dictionary(fc.constantFrom(...ownNames, ...foreignNames), acls, { noNullPrototype: true }),
    groups: fc.uniqueArray(fc.constantFrom(...ownNames, 'their group'), { maxLength: 4 }),
    clients: fc.uniqueArray(fc.constantFrom(...senders, ...foreignClients), { maxLength: 6 }),
    draws: draws(3),
    marks: fc.array(mark, { minLength: 7, maxLength: 7 }),
    defaults: fc.record({
      publishClientSend: fc.boolean(),
      publishClientReceive: fc.boolean(),
      subscribe: fc.boolean(),
      unsubscribe: fc.boolean(),
    }),
  })
  .map(({ roles, groups, clients, draws: drawn, marks, defaults }) => {
    const draws = next(drawn)
    const some = (from: readonly string[]) => from.filter(() => draws() === 0)
    const state: SecurityState = {
      defaults,
      anonymousGroup: '',
      roles: new Map([...Object.entries(roles), ['administrator', []]]),
      groups: new Map(groups.map((name) => [name, { roles: some(Object.keys(roles)), clients: [] as string[] }])),
      clients: new Map(),
    }
    for (const username of [...clients, administrator]) {
      const held = username === administrator ? [] : some(groups)
      state.clients.set(username, {
        groups: held,
        roles: username === administrator ? ['administrator'] : some(Object.keys(roles)),
        clientId: draws() === 0 ? 'bound' : null,
        disabled: draws() === 0,
        mark: marks[clients.indexOf(username) + 1]!,
      })
      for (const name of held) state.groups.get(name)!.clients.push(username)
    }
    return state
  })

const desired: fc.Arbitrary<DesiredState> = fc
  .record({
    roles: fc.dictionary(fc.constantFrom(...ownNames), acls, { noNullPrototype: true }),
    clients: fc.uniqueArray(fc.constantFrom(...senders.slice(0, 3)), { maxLength: 3 }),
    draws: draws(1),
    marks: fc.array(mark, { minLength: 4, maxLength: 4 }),
  })
  .map(({ roles, clients, draws: drawn, marks }) => {
    const draws = next(drawn)
    return {
      roles: new Map(Object.entries(roles)),
      clients: new Map(
        clients.map((username) => [
          username,
          {
            groups: Object.keys(roles).filter(() => draws() === 0),
            mark: marks[clients.indexOf(username) + 1]!,
            password: () => `password of ${username}`,
          },
        ]),
      ),
      withoutPassword: [],
    }
  })

const sorted = (values: Iterable<unknown>) => [...values].map((value) => JSON.stringify(value)).sort()

describe('the difference between a broker and what the store says', () => {
  it('brings any state to the desired one, and then there is none', () => {
    fc.assert(
      fc.property(desired, actual, fc.boolean(), (wanted, found, exclusive) => {
        const model = new SecurityModel(found)
        const options = { exclusive, administrator }
        for (const command of difference(wanted, found, options).commands) model.apply(command)
        const { state } = model
        expect(state.defaults).toEqual(denyingDefaults)
        for (const [name, wantedAcls] of wanted.roles) {
          expect(sorted(state.roles.get(name)!)).toEqual(sorted(wantedAcls))
          expect(state.groups.get(name)!.roles).toEqual([name])
        }
        expect([...state.clients.keys()].filter(isOwnClient).sort()).toEqual([...wanted.clients.keys()].sort())
        for (const [username, { groups, mark: own }] of wanted.clients) {
          const client = state.clients.get(username)!
          expect({ ...client, groups: sorted(client.groups) }).toEqual({
            groups: sorted(groups),
            roles: [],
            clientId: null,
            disabled: false,
            mark: own,
          })
        }
        expect(difference(wanted, state, options)).toEqual({ commands: [], drift: [] })
      }),
      { numRuns: 1000 },
    )
  })

  it('leaves alone what is not its own, unless it is told otherwise', () => {
    fc.assert(
      fc.property(desired, actual, (wanted, found) => {
        const model = new SecurityModel(found)
        for (const command of difference(wanted, found, { exclusive: false, administrator }).commands)
          model.apply(command)
        for (const username of [...foreignClients, administrator]) {
          const before = found.clients.get(username)
          const after = model.state.clients.get(username)
          expect(after?.roles).toEqual(before?.roles.filter((name) => !isOwnName(name)))
          expect(after?.groups).toEqual(before?.groups.filter((name) => !isOwnName(name)))
          expect(model.kicked.has(username) && before !== undefined).toBe(false)
        }
        for (const name of foreignNames) expect(model.state.roles.get(name)).toEqual(found.roles.get(name))
        const theirs = model.state.groups.get('their group')
        expect(theirs?.roles).toEqual(found.groups.get('their group')?.roles.filter((name) => !isOwnName(name)))
      }),
      { numRuns: 500 },
    )
  })

  it('takes away everything unknown when the broker is its alone, but never itself', () => {
    fc.assert(
      fc.property(desired, actual, (wanted, found) => {
        const model = new SecurityModel(found)
        for (const command of difference(wanted, found, { exclusive: true, administrator }).commands)
          model.apply(command)
        expect([...model.state.clients.keys()].sort()).toEqual([...wanted.clients.keys(), administrator].sort())
        expect([...model.state.roles.keys()].sort()).toEqual([...wanted.roles.keys(), 'administrator'].sort())
        expect(model.state.clients.get(administrator)).toEqual(found.clients.get(administrator))
      }),
      { numRuns: 500 },
    )
  })

  it('lets nobody at any moment do what it could neither before nor afterwards', () => {
    fc.assert(
      fc.property(desired, actual, (wanted, found) => {
        const model = new SecurityModel(found)
        const before = new Map(senders.map((username) => [username, model.rightsOf(username)]))
        const { commands } = difference(wanted, found, { exclusive: false, administrator })
        const finished = new SecurityModel(found)
        for (const command of commands) finished.apply(command)
        for (const command of commands) {
          model.apply(command)
          for (const username of senders) {
            const more = model.rightsOf(username).difference(before.get(username)!.union(finished.rightsOf(username)))
            expect([...more], JSON.stringify(command)).toEqual([])
          }
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('ends the connections of everybody who loses a right', () => {
    fc.assert(
      fc.property(desired, actual, (wanted, found) => {
        const model = new SecurityModel(found)
        const before = new Map(senders.map((username) => [username, model.rightsOf(username)]))
        for (const command of difference(wanted, found, { exclusive: false, administrator }).commands)
          model.apply(command)
        for (const username of senders) {
          const lost = before.get(username)!.difference(model.rightsOf(username))
          if (lost.size > 0) expect(model.kicked.has(username), username).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
