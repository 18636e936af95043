export { decidePublish } from './publish.ts'
export { type Publisher, type PublishGrants, publishRight } from './publish-right.ts'
export type { ChannelRights, Decision, PublishRight } from './rights.ts'
export { decideDelivery, decideSubscribe, narrowSubscription } from './subscribe.ts'
