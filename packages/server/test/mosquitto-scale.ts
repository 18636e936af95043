import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { toBase64url } from '@sealmq/protocol'
import { type BrokerStatus, routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { insertMember } from '../src/administration/members.ts'
import { addSender } from '../src/identity/senders.ts'
import { loadMasterKey } from '../src/keys/master-key.ts'
import type { MosquittoProcess } from './mosquitto-process.ts'
import { TestAuthority } from './test-authority.ts'

/** ms. */
export interface ScaleTimes {
  first: number
  unchanged: number
  /** Of requests while the first reconciliation ran; 0.99 of them took no longer. */
  answers: number
}

/** An authority with so many senders and channels, each role with a grant for most of these, meets an empty broker. */
export async function reconcileMany(
  mosquitto: MosquittoProcess,
  { senders, channels, roles }: { senders: number; channels: number; roles: number },
): Promise<{ authority: TestAuthority; times: ScaleTimes }> {
  const authority = await TestAuthority.withAdministrator()
  const roleIds: string[] = []
  for (let index = 0; index < channels; index++)
    await authority.askAdmin('POST', routes.channels, { name: `line ${index}`, filters: [`line/${index}/#`] })
  for (let index = 0; index < roles; index++) {
    const grants = Array.from({ length: channels }, (_, channel) => ({
      channel: `line ${channel}`,
      right: (channel + index) % 2 ? 'publish' : 'subscribe',
    }))
    const { body } = await authority.askAdmin<{ id: string }>('POST', routes.roles, { name: `role ${index}`, grants })
    roleIds.push(body.id)
  }
  const store = await authority.database()
  const masterKey = await loadMasterKey(null, join(authority.options.dataDir, 'master.key'), false)
  const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
  const request = { name: 'installation', algorithm: 'ES256' as const, publicKey: toBase64url(publicKey) }
  await store.transaction().execute(async (transaction) => {
    for (let index = 0; index < senders; index++) {
      const name = `pump${index}`
      const id = await insertMember(transaction, { signInName: `${name}@x.example`, name, password: '', now: 0 })
      await transaction
        .insertInto('member_roles')
        .values({ member_id: id, role_id: roleIds[index % roles]! })
        .execute()
      await addSender(transaction, { id, name }, request, { now: 0, masterKey })
    }
  })
  await authority.close()
  authority.options.broker = mosquitto.setting()
  const begun = performance.now()
  await authority.startAgain()
  const answers: number[] = []
  const status = async () => (await authority.askAdmin<BrokerStatus>('GET', routes.broker)).body
  for (;;) {
    const asked = performance.now()
    const { rights } = await status()
    answers.push(performance.now() - asked)
    if (rights === 'in-force') break
    await setTimeout(20)
  }
  const first = performance.now() - begun
  await authority.refresh()
  const again = performance.now()
  await authority.askAdmin('POST', routes.brokerReconcile)
  const unchanged = performance.now() - again
  answers.sort((one, other) => one - other)
  return { authority, times: { first, unchanged, answers: answers[Math.floor(answers.length * 0.99)]! } }
}
