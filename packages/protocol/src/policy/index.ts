export { decidePublish } from './publish.ts'
export type { ChannelRights, Decision } from './rights.ts'
export { decideDelivery, decideSubscribe, narrowSubscription } from './subscribe.ts'
