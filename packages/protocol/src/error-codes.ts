/** Every reason for which a sealed message is refused, or cannot be sealed (docs/protocol.md, section "Refusals"). */
export const sealErrorCodes = {
  malformed:
    'The bytes are not a SealMQ envelope. Check that the publisher seals with SealMQ and that nothing re-encodes payloads.',
  'unknown-key': 'No key is held for this epoch. Ask an administrator whether this member may use the channel.',
  'unknown-sender': 'The directory does not list this sender. It may be new: the directory is read again at once.',
  'wrong-suite': 'The envelope uses another cipher suite or signing policy than its epoch prescribes.',
  'not-authentic': 'The tag or the signature is wrong: the message was altered, moved to another topic, or forged.',
  'not-permitted': 'The role does not allow this on this topic. Ask an administrator for the grant.',
  replayed: 'This message was accepted before.',
  stale: 'The message is older than the channel or its seconds to live allow, or was sealed in the future.',
  'epoch-retired': 'The epoch ended and may no longer be used. Read the keyring again.',
  revoked: 'The sender was revoked.',
  'lease-expired': 'The manifest is too old to seal under. Reconnect to the authority.',
} as const

/** A stable refusal code. */
export type SealErrorCode = keyof typeof sealErrorCodes

/** A message that was refused, or could not be sealed. The text never holds a key or payload. */
export class SealError extends Error {
  readonly code: SealErrorCode
  constructor(code: SealErrorCode, detail?: string) {
    super(detail ? `${detail} ${sealErrorCodes[code]}` : sealErrorCodes[code])
    this.name = 'SealError'
    this.code = code
  }
}
