export { type Binding, encodeExternalAad } from './additional-data.ts'
export { type Awaitable, chain } from './awaitable.ts'
export { concatBytes, equalBytes, fromBase64url, fromHex, toBase64url, toHex } from './bytes.ts'
export type { AeadKey, CbcKey, Cryptography, SigningKey, VerificationKey } from './cryptography.ts'
export { DeviceListError, type ListedDevice, readDeviceList } from './device-list.ts'
export { type Ticket, ticketPrefix, writeTicket } from './device-ticket.ts'
export { signDirectory, verifyDirectory } from './directory.ts'
export { SealError, type SealErrorCode, sealErrorCodes } from './error-codes.ts'
export type { EpochKeys, HeldChannel } from './held-channel.ts'
export {
  type ChannelSummary,
  HeldKeyring,
  type HeldKeyringOptions,
  type HeldSender,
  type Measured,
  type RememberedNumbers,
} from './held-keyring.ts'
export { decodeInner, encodeInner, type InnerFields, type Intent } from './inner-map.ts'
export {
  deriveKeyCheck,
  deriveMessageKeys,
  deriveSenderKey,
  type EpochKeyInput,
  nextEpochNumber,
} from './key-schedule.ts'
export { KeyringError, type KeyringErrorCode, keyringErrorCodes } from './keyring-error.ts'
export {
  decodeEnvelope,
  type EnvelopeInspection,
  type EnvelopeParts,
  encodeEnvelope,
  encodeProtectedHeader,
  envelopeVersion,
  type Header,
  inspectEnvelope,
  maximumEnvelopeLength,
} from './layout.ts'
export { signManifest, verifyManifest } from './manifest.ts'
export { expandMemberFilter, memberFilterFault, memberLevel } from './member-filter.ts'
export { type Delivery, MessageOpener, type MessageOpenerOptions, type OpenedMessage } from './message-opener.ts'
export { MessageSealer, type MessageSealerOptions, type SealedMessage, type SealOptions } from './message-sealer.ts'
export * from './policy/index.ts'
export { type Gap, type MessagePosition, ReplayState } from './replay-state.ts'
export { ReplayWindow, windowLength } from './replay-window.ts'
export { openEnvelope, sealEnvelope, type TopicAdditionalData, topicAdditionalData } from './sealing.ts'
export { messageKey, type Suite, suiteTable } from './suites/index.ts'
export type { MessageKey } from './suites/message-key.ts'
export {
  filterCovers,
  filtersOverlap,
  intersectFilters,
  parseShare,
  topicFilterFault,
  topicMatches,
} from './topic-filter.ts'
export { topicNameFault } from './topic-name.ts'
export * from './types.ts'
