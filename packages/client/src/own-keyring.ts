import { type Cryptography, fromBase64url, HeldKeyring } from '@sealmq/protocol'
import type { HeldIdentity, Identity } from './identity.ts'
import type { RememberedState } from './storage.ts'

export interface OwnKeyringOptions {
  identity: Identity | HeldIdentity
  cryptography: Cryptography
  /** Monotonic clock, ms. */
  monotonic: () => number
  /** Wall clock, ms; only to notice that the machine slept or its clock was set. */
  wallClock: () => number
}

/** The keyring of an identity, still empty; it takes nothing older than what is remembered. */
export function ownKeyring(
  { identity, ...clocks }: OwnKeyringOptions,
  remembered: RememberedState | null,
  clockLost: () => void,
): HeldKeyring {
  return new HeldKeyring({
    ...clocks,
    deployment: fromBase64url(identity.deployment),
    authorityKey: fromBase64url(identity.authorityKey),
    sender: identity.sender,
    remembered: remembered?.numbers,
    clockLost,
  })
}
