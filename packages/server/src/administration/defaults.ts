import { randomUUID } from 'node:crypto'
import type { Change } from './change.ts'
import { addChannel } from './channels.ts'

// The four channels and four roles of the original system.
const channels = [
  { name: 'login', filters: ['iot/login'], kind: 'telemetry' },
  { name: 'sensor', filters: ['iot/sensor'], kind: 'telemetry' },
  { name: 'control', filters: ['iot/control'], kind: 'command' },
  { name: 'admin', filters: ['iot/admin'], kind: 'telemetry' },
] as const
const roles = [
  {
    name: 'admin',
    administrator: 1,
    publish: ['login', 'sensor', 'control', 'admin'],
    subscribe: ['login', 'sensor', 'control'],
  },
  { name: 'sensor', administrator: 0, publish: ['sensor', 'control'], subscribe: ['sensor'] },
  { name: 'controller', administrator: 0, publish: [], subscribe: ['control'] },
  { name: 'viewer', administrator: 0, publish: [], subscribe: ['login'] },
]

/** Fills a new store with the default channels, roles and grants. */
export async function seedDefaults(change: Change): Promise<void> {
  const ids = new Map<string, string>()
  for (const channel of channels)
    ids.set(channel.name, await addChannel(change, { ...channel, filters: [...channel.filters] }))
  for (const { name, administrator, publish, subscribe } of roles) {
    const id = randomUUID()
    await change.transaction
      .insertInto('roles')
      .values({
        id,
        name,
        administrator,
        auditor: 0,
        monitor: 0,
        require_authenticator: 0,
        approve_domains: '[]',
        revision: change.revision,
      })
      .execute()
    const grants = [
      ...publish.map((channel) => ({
        role_id: id,
        channel_id: ids.get(channel)!,
        right: 'publish' as const,
        filters: null,
      })),
      ...subscribe.map((channel) => ({
        role_id: id,
        channel_id: ids.get(channel)!,
        right: 'subscribe' as const,
        filters: null,
      })),
    ]
    await change.transaction.insertInto('grants').values(grants).execute()
    change.record({
      action: 'role.create',
      on: { kind: 'role', id, name },
      detail: { administrator: administrator === 1, publish, subscribe },
    })
  }
}
