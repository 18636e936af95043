import { type ChannelRights, type Decision, decidePublish, decideSubscribe } from '@sealmq/protocol'
import type { RightsAnswer, RightsQuery } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import { readBrokerGrants } from '../broker/broker-grants.ts'
import { normalSignInName } from '../identity/sign-in-name.ts'
import { consistentRead } from '../store/consistent-read.ts'
import type { Database } from '../store/schema.ts'
import { grantedChannels, rightsOfRoles } from './rights-of-roles.ts'

/**
 * Whether a member may publish on a topic or subscribe with a filter, by the predicates that the broker decides by.
 * @throws AuthorityError `not-found`
 */
export function answerRights(store: Database, { member, action, topic }: RightsQuery): Promise<RightsAnswer> {
  return consistentRead(store, async (transaction) => {
    const who = await transaction
      .selectFrom('members')
      .select(['id', 'email', 'kind', 'locked_at'])
      .where((eb) => eb.or([eb('id', '=', member), eb('email', '=', normalSignInName(member))]))
      .executeTakeFirst()
    if (!who) throw new AuthorityError('not-found', `There is no member or device ${member}.`)
    const roles = await transaction
      .selectFrom('member_roles')
      .innerJoin('roles', 'roles.id', 'member_roles.role_id')
      .select(['roles.id as id', 'roles.name as name'])
      .where('member_id', '=', who.id)
      .orderBy('roles.name')
      .execute()
    const channels = await transaction.selectFrom('channels').select(['id', 'name']).execute()
    const filters = await transaction.selectFrom('channel_filters').selectAll().execute()
    const atBroker = grantedChannels(channels, filters, await readBrokerGrants(transaction))
    const forKeys = grantedChannels(channels, filters, await transaction.selectFrom('grants').selectAll().execute())
    const device = who.kind === 'device' ? who.email : null
    const ids = roles.map(({ id }) => id)
    const decide = (rights: readonly ChannelRights[]): Decision =>
      action === 'publish' ? decidePublish(rights, topic) : decideSubscribe(rights, topic)
    const refused = (rule: string) => ({ allowed: false, channel: null, rule, roles: [], opens: false })
    if (who.locked_at !== null) return refused(`${who.email} is locked: until it is unlocked it may do nothing.`)
    const decision = decide(rightsOfRoles(atBroker, { roles: ids, device }))
    if (!decision.allowed) return refused(decision.rule)
    return {
      allowed: true,
      channel: decision.channel,
      rule: null,
      roles: roles
        .filter(({ id }) => decide(rightsOfRoles(atBroker, { roles: [id], device })).allowed)
        .map(({ name }) => name),
      opens: rightsOfRoles(forKeys, { roles: ids, device }).some(
        ({ channel, subscribe }) => channel === decision.channel && subscribe,
      ),
    }
  })
}
