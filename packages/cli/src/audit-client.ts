import {
  type Checkpoint,
  type ExportHead,
  fromBase64,
  openCheckpoint,
  parseVerifierKey,
  type RememberedTree,
  toBase64,
  verifyConsistency,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { AuthorityClient } from '@sealmq/client'
import { fromBase64url, toHex } from '@sealmq/protocol'
import type { ConsistencyProof } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { queryOf } from './audit-filter.ts'
import { readCredentials, readSession } from './credentials-file.ts'
import { CommandError, exitCodes } from './exit-codes.ts'
import { knownLog } from './known-logs.ts'
import { authorityOptions } from './open-authority.ts'
import { counted } from './progress-line.ts'
import { SteppingAuthority } from './step-up.ts'

/** Ms without a byte of an export. */
const patience = 60_000

/** The authority of whoever signed in here, and which log is its. */
export interface AuditAuthority {
  authority: AuthorityClient
  /** Origin of the deployment that was pinned at the sign-in; null before this installation is a sender. */
  origin: string | null
}

/** With the session: records, exports and proofs are for people. */
export async function openAuditAuthority(): Promise<AuditAuthority> {
  const { server, ca, session, identity } = await readSession()
  return {
    authority: new SteppingAuthority(authorityOptions(server, ca, session.token)),
    origin: identity && originOf(identity.deployment),
  }
}

/** With the sender's token where there is one, since sessions end after some hours: enough for checkpoints. */
export async function openCheckpointAuthority(): Promise<AuditAuthority> {
  const { server, ca, session, identity } = await readCredentials()
  return {
    authority: new SteppingAuthority(authorityOptions(server, ca, identity?.token ?? session?.token)),
    origin: identity && originOf(identity.deployment),
  }
}

const originOf = (deployment: string) => `sealmq/${toHex(fromBase64url(deployment))}`

/** @throws CommandError `other-log` */
export function requireOrigin(origin: string, expected: string | null): void {
  if (expected === null || origin === expected) return
  throw new CommandError(
    'other-log',
    `The authority shows the log ${origin}; the one of the deployment that was pinned at your sign-in is ${expected}. Another deployment answers at this address, or this one was made anew: ask who did that, then sign in again.`,
    exitCodes.notProved,
  )
}

/**
 * Refuses an export that begins elsewhere than was asked: what is left out would be compared with nothing.
 * @param from position that was asked for
 * @throws CommandError `incomplete`
 */
export function requireBeginning(head: Pick<ExportHead, 'from' | 'size'>, from: number): void {
  // A log that has not come so far is exported from its end on.
  if (head.from === from || (head.from < from && head.from === head.size)) return
  throw new CommandError(
    'incomplete',
    `The authority gave its log from record ${head.from} on; from record ${from} on was asked for. What is left out may be what was changed.`,
    exitCodes.notProved,
  )
}

/**
 * Opens a checkpoint that the authority gave, and has it proved that the log only grew since it was last seen from here.
 * @param key that came with it
 * @returns also the tree to remember when all else holds, and whether the log is seen for the first time
 * @throws CommandError `other-log`, `log-forked`; AuditLogError
 */
export async function openProvedCheckpoint(
  { authority, origin }: AuditAuthority,
  note: string,
  key: string,
): Promise<{ checkpoint: Checkpoint; tree: RememberedTree; isFirstUse: boolean }> {
  const given = await parseVerifierKey(key)
  requireOrigin(given.name, origin)
  const known = await knownLog(given.name)
  const trusted = known?.key ?? key
  const checkpoint = await openCheckpoint(note, await parseVerifierKey(trusted))
  if (known) await requireGrown(authority, treeOf(known), checkpoint, 'when it was last seen from here')
  const tree = { ...checkpoint, root: toBase64(checkpoint.root), key: trusted }
  return { checkpoint, tree, isFirstUse: known === null }
}

const treeOf = ({ origin, size, root }: RememberedTree): Checkpoint => ({ origin, size, root: fromBase64(root) })

/**
 * Has it proved that a log begins with all that it held before.
 * @param when the earlier tree was seen, for the refusal
 * @throws CommandError `log-forked`
 */
export async function requireGrown(
  authority: AuthorityClient,
  before: Checkpoint,
  now: Checkpoint,
  when: string,
): Promise<void> {
  if (before.size > now.size)
    throw forked(
      `The log held ${counted(before.size, 'record')} ${when}, and holds ${now.size} now: it was cut or set back.`,
    )
  const query = queryOf({ from: before.size, to: now.size })
  const { hashes } = await authority.request<ConsistencyProof>('GET', `${routes.auditConsistency}?${query}`)
  const proof = hashes.map(fromBase64)
  const sizes = { from: before.size, fromRoot: before.root, to: now.size, toRoot: now.root }
  if (verifyConsistency(sha256, { ...sizes, proof })) return
  throw forked(
    `The log of ${counted(now.size, 'record')} does not begin with the ${counted(before.size, 'record')} that it held ${when}: something before was changed.`,
  )
}

const forked = (what: string) =>
  new CommandError(
    'log-forked',
    `${what} Nothing was written. Find what differs with sealmq audit verify; after a restored backup that you know of: sealmq audit verify --forget.`,
    exitCodes.notProved,
  )

/**
 * The bytes of an export as they come from the authority.
 * @throws CommandError `broken-off`, `cancelled`
 */
export async function* exportChunks(
  authority: AuthorityClient,
  from: number,
  cancelled: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const silent = new AbortController()
  const timer = setTimeout(() => silent.abort(), patience)
  let bytes = 0
  try {
    const path = `${routes.auditExport}?${queryOf({ from })}`
    const body = await authority.open(path, AbortSignal.any([cancelled, silent.signal]))
    try {
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
        bytes += chunk.length
        yield chunk
        timer.refresh()
      }
    } catch (error) {
      throw cancelled.aborted ? error : brokenOff(bytes)
    }
  } catch (error) {
    throw cancelled.aborted ? new CommandError('cancelled', 'The export was interrupted.') : error
  } finally {
    clearTimeout(timer)
  }
}

const brokenOff = (bytes: number) =>
  new CommandError(
    'broken-off',
    `The export broke off after ${bytes.toLocaleString('en-US')} bytes. Check the authority and the network, and run this again.`,
    exitCodes.authorityUnreachable,
  )
