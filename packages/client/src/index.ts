export {
  AuthorityClient,
  type AuthorityClientOptions,
  AuthorityError,
  type Fetch,
} from './authority/authority-client.ts'
export { ClientError, type ClientErrorCode, clientErrorCodes } from './client-error.ts'
export { EnvelopeOpener, type EnvelopeOpenerOptions } from './envelope-opener.ts'
export type { ClientEvents, GapReport, Listeners, Rejection } from './events.ts'
export {
  type DeviceEnrolment,
  enrolDevice,
  enrolSender,
  enrolSessionSender,
  type HeldIdentity,
  type Identity,
  type TokenKeeper,
} from './identity.ts'
export { isRefusal } from './refusals.ts'
export { type Granted, type PublishOptions, SealedClient, type SealedClientOptions } from './sealed-client.ts'
export { memoryStorage, mergeRemembered, type RememberedState, type Storage } from './storage.ts'
