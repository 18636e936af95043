import { beforeEach, describe, expect, it } from 'vitest'
import type { Answer } from '../src/broker/mosquitto/control-connection.ts'
import type { DesiredState } from '../src/broker/mosquitto/desired-state.ts'
import { Governance, type Reading } from '../src/broker/mosquitto/governance.ts'
import type { ClientState, Command, SecurityState } from '../src/broker/mosquitto/security-state.ts'
import { createLogger } from '../src/logger.ts'
import { SecurityModel } from './security-model.ts'

/** Answers as the plugin does. */
class ModelConnection {
  readonly model: SecurityModel
  readonly messages: Command[][] = []
  /** Called before each message is carried out. */
  before: (commands: readonly Command[]) => void = () => {}
  isAway = false

  constructor(state: SecurityState) {
    this.model = new SecurityModel(state)
  }

  readonly request = async (commands: readonly Command[]): Promise<Answer[]> => {
    // What comes over a network comes later.
    await new Promise((resolve) => setImmediate(resolve))
    if (this.isAway) throw new Error('away')
    this.before(commands)
    const writing = commands.filter(({ command }) => !/^(get|list)/.test(command))
    if (writing.length > 0) this.messages.push(writing)
    return commands.map((command) => this.#answer(command))
  }

  #answer(command: Command): Answer {
    const { defaults, clients, groups, roles } = this.model.state
    const client = ([username, { clientId, disabled, mark, ...held }]: [string, ClientState]) => ({
      username,
      ...(clientId === null ? {} : { clientid: clientId }),
      disabled,
      textdescription: mark,
      roles: held.roles.map((rolename) => ({ rolename })),
      groups: held.groups.map((groupname) => ({ groupname })),
    })
    const group = ([groupname, held]: [string, { roles: string[]; clients: string[] }]) => ({
      groupname,
      roles: held.roles.map((rolename) => ({ rolename })),
      clients: held.clients.map((username) => ({ username })),
    })
    const role = ([rolename, acls]: [string, unknown]) => ({ rolename, acls })
    const page = <T>(map: Map<string, T>, show: (entry: [string, T]) => unknown) =>
      [...map].slice(command.offset as number, (command.offset as number) + (command.count as number)).map(show)
    const one = <T>(
      kind: string,
      map: Map<string, T>,
      name: unknown,
      show: (entry: [string, T]) => unknown,
    ): Answer => {
      const found = map.get(name as string)
      const what = { command: command.command }
      return found === undefined
        ? { ...what, error: 'not found' }
        : { ...what, data: { [kind]: show([name as string, found]) } }
    }
    const answer = (data: Record<string, unknown>): Answer => ({ command: command.command, data })
    switch (command.command) {
      case 'getDefaultACLAccess':
        return answer({ acls: Object.entries(defaults).map(([acltype, allow]) => ({ acltype, allow })) })
      case 'getAnonymousGroup':
        return answer({ group: { groupname: '' } })
      case 'listClients':
        return answer({ clients: page(clients, client) })
      case 'listGroups':
        return answer({ groups: page(groups, group) })
      case 'listRoles':
        return answer({ roles: page(roles, role) })
      case 'getClient':
        return one('client', clients, command.username, client)
      case 'getGroup':
        return one('group', groups, command.groupname, group)
      case 'getRole':
        return one('role', roles, command.rolename, role)
    }
    try {
      this.model.apply(command)
      return { command: command.command }
    } catch (error) {
      return { command: command.command, error: String(error) }
    }
  }
}

describe('the governance of a broker', () => {
  let connection: ModelConnection
  let desired: DesiredState
  let governance: Governance
  const acl = (topic: string) => ({ acltype: 'publishClientSend', topic, allow: true, priority: 0 })
  const client = (...groups: string[]) => ({ groups, mark: 'SealMQ mark', password: () => 'secret' })
  beforeEach(() => {
    connection = new ModelConnection({
      defaults: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
      anonymousGroup: '',
      roles: new Map([['administrator', []]]),
      groups: new Map(),
      clients: new Map([
        ['administrator', { groups: [], roles: ['administrator'], clientId: null, disabled: false, mark: '' }],
      ]),
    })
    desired = {
      roles: new Map([['sealmq-a', [acl('a/#')]]]),
      clients: new Map(Array.from({ length: 400 }, (_, index) => [`sender-${index + 1}`, client('sealmq-a')])),
      withoutPassword: [],
    }
    governance = new Governance({
      connection,
      desired: async () => ({ ...desired, roles: new Map(desired.roles), clients: new Map(desired.clients) }),
      exclusive: false,
      administrator: 'administrator',
      logger: createLogger('silent'),
    })
  })
  const own = () => [...connection.model.state.clients.keys()].filter((name) => name.startsWith('sender-'))

  it('brings all of it in messages of fifty commands, reads again, and then has nothing to do', async () => {
    const readings: Reading[] = []
    await governance.reconcile(true, (reading) => readings.push(reading))
    expect(own()).toHaveLength(400)
    expect(Math.max(...connection.messages.map(({ length }) => length))).toBe(50)
    expect(readings.map(({ isFirst, isRight, drift }) => [isFirst, isRight, drift.length])).toEqual([
      [true, false, 403],
      [false, true, 0],
    ])
    const before = connection.messages.length
    await governance.reconcile(true, () => {})
    expect(connection.messages.slice(before).flat()).toEqual([
      expect.objectContaining({ command: 'setDefaultACLAccess' }),
    ])
  })

  it('changes nothing when it only reports', async () => {
    const readings: Reading[] = []
    await governance.reconcile(false, (reading) => readings.push(reading))
    expect(connection.messages).toEqual([])
    expect(readings).toMatchObject([{ isFirst: true, isRight: false }])
    expect(await governance.drift()).toHaveLength(403)
  })

  it('never sends what the store said before a change after it', async () => {
    let removed: Promise<void> | null = null
    connection.before = (commands) => {
      // In the middle of what it wants to enter; the sender would be entered by a later message.
      if (removed || commands[0]?.username !== 'sender-48') return
      desired.clients.delete('sender-399')
      removed = governance.settle(399)
    }
    const created: unknown[] = []
    await governance.reconcile(true, () => {})
    await removed
    for (const { command, username } of connection.messages.flat())
      if (command === 'createClient') created.push(username)
    expect(removed).not.toBeNull()
    expect(created).not.toContain('sender-399')
    expect(created).toHaveLength(399)
    expect(own()).toHaveLength(399)
  })

  it('settles a change after one message of a reconciliation at most', async () => {
    let asked = -1
    let done = -1
    connection.before = () => {
      if (asked >= 0 || connection.messages.length < 2) return
      asked = connection.messages.length
      desired.clients.delete('sender-1')
      void governance.settle(1).then(() => {
        done = connection.messages.length
      })
    }
    await governance.reconcile(true, () => {})
    expect(done - asked).toBeLessThanOrEqual(2)
    expect(own()).not.toContain('sender-1')
  })

  it('settles senders that come together in one reading, and touches nobody else', async () => {
    await governance.reconcile(true, () => {})
    connection.model.kicked.clear()
    const before = connection.messages.length
    desired.roles.set('sealmq-b', [acl('b')])
    desired.clients.set('sender-1', client('sealmq-b'))
    desired.clients.delete('sender-2')
    await Promise.all([governance.settle(1), governance.settle(2), governance.settle(3)])
    const sent = connection.messages.slice(before).flat()
    expect(sent.map(({ command, username }) => username ?? command)).toEqual([
      ...['sender-2', 'sender-1', 'createRole', 'createGroup', 'sender-1', 'modifyRole'],
    ])
    expect([...connection.model.kicked].sort()).toEqual(['sender-1', 'sender-2'])
    expect(connection.model.rightsOf('sender-1')).toEqual(new Set([JSON.stringify(acl('b'))]))
    const again = connection.messages.length
    await Promise.all([governance.settle(1), governance.settle(2)])
    expect(connection.messages.length).toBe(again)
  })

  it('ends the connections of a whole role with one command when its rights change', async () => {
    await governance.reconcile(true, () => {})
    connection.model.kicked.clear()
    desired.roles.set('sealmq-a', [acl('other')])
    const before = connection.messages.length
    await governance.settle(7)
    expect(connection.messages.slice(before).flat()).toHaveLength(2)
    expect(connection.model.kicked.size).toBe(400)
  })

  it('fails when the broker does, to be repeated, and goes on with the next', async () => {
    connection.isAway = true
    await expect(governance.reconcile(true, () => {})).rejects.toThrow('away')
    await expect(governance.settle(1)).rejects.toThrow('away')
    connection.isAway = false
    await governance.settle(1)
    expect(own()).toEqual(['sender-1'])
    connection.before = (commands) => {
      // Somebody else was faster.
      if (commands[0]?.command === 'createClient') connection.model.apply({ ...commands[0] })
    }
    await expect(governance.settle(2)).rejects.toMatchObject({ code: 'broker-command' })
    connection.before = () => {}
    await governance.settle(2)
    expect(own()).toEqual(['sender-1', 'sender-2'])
  })

  it('gives up with a sentence on a broker that keeps nothing', async () => {
    const empty = new ModelConnection(connection.model.state)
    const forgetful = {
      request: async (commands: readonly Command[]) =>
        commands.some(({ command }) => /^(get|list)/.test(command))
          ? empty.request(commands)
          : commands.map(({ command }) => ({ command })),
    }
    const other = new Governance({
      connection: forgetful,
      desired: async () => desired,
      exclusive: false,
      administrator: 'administrator',
      logger: createLogger('silent'),
    })
    await expect(other.reconcile(true, () => {})).rejects.toMatchObject({ code: 'broker-command' })
  })
})
