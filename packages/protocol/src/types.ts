/** COSE algorithm numbers of the three suites (RFC 9053; -65537 is private use: A256CBC-HS512 of RFC 7518). */
export const suites = { A256GCM: 3, 'ChaCha20/Poly1305': 24, 'A256CBC-HS512': -65537 } as const
export type SuiteName = keyof typeof suites

/** Signature algorithms a sender's key may have (RFC 9053). */
export const signatureAlgorithms = { ES256: -7, EdDSA: -8 } as const
export type SignatureAlgorithm = keyof typeof signatureAlgorithms

export type MessageKind = 'telemetry' | 'state' | 'command'
/** `batch` is a kept place: it is refused everywhere today. */
export type SigningPolicy = 'each' | 'off' | 'batch'
export type Right = 'publish' | 'subscribe'

/** One epoch of a channel, as the signed manifest states it. */
export interface EpochPolicy {
  /** Epoch number: max(previous + 1, Unix seconds); fits 4 bytes. */
  epoch: number
  suite: SuiteName
  kind: MessageKind
  signing: SigningPolicy
  /** 32 bytes derived from the epoch key; commits signatures to the key. */
  keyCheck: Uint8Array
  /** Authority time, ms, until which sealing under it is allowed; null while it is the current epoch. */
  sealUntil: number | null
  /** Authority time, ms, until which receivers open what was sealed under it; null while current. */
  openUntil: number | null
}

/** A publish grant of a role on a part of a channel. */
export interface NarrowedGrant {
  /** Role id. */
  role: string
  /** MQTT topic filters; a whole level may be `{member}`, the name of the device that publishes. */
  filters: string[]
}

/** What the authority signs about a channel. */
export interface Manifest {
  /** Grows with every change of this channel; clients refuse a smaller one. */
  number: number
  /** 16 bytes. */
  deployment: Uint8Array
  /** 16 bytes. */
  channel: Uint8Array
  name: string
  /** MQTT topic filters; disjoint from every other channel's. */
  filters: string[]
  /** Seconds after which telemetry is late and commands are stale. */
  maximumAge: number
  late: 'mark' | 'refuse'
  /** Seconds for which a client may go on sealing after issuedAt. */
  lease: number
  /** Authority time, ms. */
  issuedAt: number
  /** Role ids that hold the grant on all of the channel. */
  publishRoles: string[]
  /** Role ids that hold it on a part only; absent for none. */
  publishWithin?: NarrowedGrant[]
  subscribeRoles: string[]
  /** Newest first; the first is the current one. */
  epochs: EpochPolicy[]
}

/** One sender in the signed directory. Entries stay after revocation: ids are never reused. */
export interface DirectoryEntry {
  /** Unsigned 32-bit id, from 1. */
  sender: number
  /** Member id (UUID text). */
  member: string
  memberName: string
  /** Absent for people: only names of devices are unique. */
  kind?: 'device'
  /** What this installation is called, for example "cli on pump-7". */
  senderName: string
  /** Role ids of the member now; empty when revoked. */
  roles: string[]
  algorithm: SignatureAlgorithm
  /** ES256: 65 bytes uncompressed SEC1 point; EdDSA: 32 bytes. */
  publicKey: Uint8Array
  /** Authority time, ms, or null. */
  revokedAt: number | null
  /** Authority time, ms, from which on it seals nothing more; what it sealed before stays valid. Absent while it lives. */
  endedAt?: number
}

/** The signed list of senders. */
export interface Directory {
  number: number
  deployment: Uint8Array
  issuedAt: number
  senders: DirectoryEntry[]
}
