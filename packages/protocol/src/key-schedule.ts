import type { Awaitable } from './awaitable.ts'
import { encodeCbor } from './cbor.ts'
import type { Cryptography } from './cryptography.ts'
import { type SuiteName, suites } from './types.ts'

/** Which epoch of which channel a key belongs to. */
export interface EpochKeyInput {
  /** 32 bytes. */
  epochKey: Uint8Array
  /** 16 bytes. */
  deployment: Uint8Array
  /** 16 bytes. */
  channel: Uint8Array
  epoch: number
  suite: SuiteName
}

const noSalt = new Uint8Array(0)

/** The key that one sender seals with: all that a member with the publish grant alone receives. 32 bytes. */
export function deriveSenderKey(
  cryptography: Cryptography,
  { epochKey, deployment, channel, epoch, suite, sender }: EpochKeyInput & { sender: number },
): Awaitable<Uint8Array> {
  const info = encodeCbor(['sealmq/1 sender', deployment, channel, epoch, suites[suite], sender])
  return cryptography.hkdfSha256(epochKey, noSalt, info, 32)
}

/** The public value that commits signatures to an epoch key. 32 bytes. */
export function deriveKeyCheck(
  cryptography: Cryptography,
  { epochKey, deployment, channel, epoch, suite }: EpochKeyInput,
): Awaitable<Uint8Array> {
  const info = encodeCbor(['sealmq/1 key check', deployment, channel, epoch, suites[suite]])
  return cryptography.hkdfSha256(epochKey, noSalt, info, 32)
}

/** Key material of one session's messages, of the length that the suite takes. */
export function deriveMessageKeys(
  cryptography: Cryptography,
  senderKey: Uint8Array,
  session: Uint8Array,
  suite: SuiteName,
  length: number,
): Awaitable<Uint8Array> {
  return cryptography.hkdfSha256(senderKey, session, encodeCbor(['sealmq/1 message', suites[suite]]), length)
}

/** Number of the next epoch: a restored authority cannot go back behind what it handed out. */
export function nextEpochNumber(previous: number | null, nowMs: number): number {
  return Math.max((previous ?? 0) + 1, Math.floor(nowMs / 1000))
}
