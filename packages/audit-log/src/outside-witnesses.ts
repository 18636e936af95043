import { AuditLogError } from './audit-log-error.ts'
import { fromBase64 } from './base64.ts'
import { equalBytes } from './bytes.ts'
import { type ParsedCheckpoint, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import type { ProvedTree } from './checkpoint-trail.ts'
import type { FindingCode, FindingList, NoteCode } from './findings.ts'
import type { GrowingTree } from './growing-tree.ts'
import { hashLength } from './merkle-hash.ts'
import { capital } from './record-entry.ts'
import { parseVerifierKey, type VerifierKey } from './signed-note.ts'
import type { OutsideResult, VerificationOptions } from './verification-report.ts'

/** A checkpoint that was kept outside, or what was remembered of a log. */
export interface Witness extends ProvedTree {
  /** How a message calls it. */
  name: string
  origin: string
  /** Null for what was remembered, which no signature needs to vouch for. */
  checkpoint: ParsedCheckpoint | null
  result: OutsideResult
}

/** What a witness says of a log. */
export type Testimony = 'fits' | 'contradicts' | 'larger' | 'earlier' | 'unchecked' | 'refused'

/** The log that witnesses are asked about. */
export interface LogInQuestion {
  key: VerifierKey | null
  /** Position of the first record. */
  from: number
  /** Position behind the last. */
  end: number
  tree: GrowingTree
}

/** Everything that was kept outside of a log, and is compared with it. */
export class OutsideWitnesses {
  readonly list: Witness[] = []
  /** One for each checkpoint, in the order in which they were given. */
  readonly results: OutsideResult[] = []
  readonly #keys: string[]
  readonly #findings: FindingList<FindingCode>
  readonly #notes: FindingList<NoteCode>

  /** @throws AuditLogError `malformed` when what was remembered cannot be read */
  constructor(options: VerificationOptions, findings: FindingList<FindingCode>, notes: FindingList<NoteCode>) {
    const { checkpoints = [], remembered } = options
    this.#findings = findings
    this.#notes = notes
    this.#keys = [remembered?.key, ...checkpoints.map(({ key }) => key)].filter((key) => key !== undefined)
    for (const { note } of checkpoints) this.#addCheckpoint(note)
    if (!remembered) return
    const { origin, size } = remembered
    const root = fromBase64(remembered.root)
    if (root.length !== hashLength || !Number.isSafeInteger(size) || size < 0)
      throw new AuditLogError('malformed', 'What was remembered of the log cannot be read.')
    const name = `the tree remembered from last time (${size} records)`
    this.list.push({ name, origin, size, root, checkpoint: null, result: { size, ok: false } })
  }

  /** The key that came with them; of several the one that was remembered, or the first. */
  get key(): string | undefined {
    return this.#keys[0]
  }

  /** Tells of keys that came with them and are not the one that is verified with. */
  async compareKeys(trusted: VerifierKey | null): Promise<void> {
    for (const text of new Set(this.#keys)) {
      const key = await parseVerifierKey(text).catch(() => null)
      if (!key) this.#findings.add('malformed', () => 'A key that came with a checkpoint cannot be read.')
      else if (trusted && !equalBytes(key.publicKey, trusted.publicKey))
        this.#findings.add('other-key', () => 'A key that came with what was kept outside is not the trusted one.')
    }
  }

  /** Asks one about a log, and tells what is against its being asked at all. */
  async ask(witness: Witness, { key, from, end, tree }: LogInQuestion): Promise<Testimony> {
    const { name, size, root, result } = witness
    const refusal = await refusalOf(witness, key)
    if (refusal) {
      this.#findings.add(refusal, () => `${capital(name)} ${refusalTexts[refusal]}.`)
      return 'refused'
    }
    if (size > end) return 'larger'
    if (size < from || size > tree.availableSize) {
      result.ok = null
      if (size >= from) return 'unchecked'
      const message = () => `${capital(name)} is from before the first record here: nothing is compared.`
      this.#notes.add('outside-earlier', message)
      return 'earlier'
    }
    tree.advanceTo(size)
    result.ok = equalBytes(tree.keptRoot(size)!, root)
    return result.ok ? 'fits' : 'contradicts'
  }

  #addCheckpoint(note: string): void {
    const result: OutsideResult = { size: null, ok: false }
    this.results.push(result)
    const number = this.results.length
    try {
      const checkpoint = parseCheckpoint(note)
      const { origin, size, root } = checkpoint
      result.size = size
      this.list.push({
        name: `checkpoint ${number} from outside (${size} records)`,
        origin,
        size,
        root,
        checkpoint,
        result,
      })
    } catch {
      this.#findings.add('malformed', () => `Checkpoint ${number} from outside cannot be read.`)
    }
  }
}

const refusalTexts = {
  'other-log': 'is of another deployment',
  'other-key': 'is not signed with the key of this log: one of the two was made anew',
  'bad-signature': 'is altered: its signature does not fit',
} as const

async function refusalOf(witness: Witness, key: VerifierKey | null): Promise<keyof typeof refusalTexts | null> {
  if (!key) return 'other-key'
  if (witness.origin !== key.name) return 'other-log'
  if (!witness.checkpoint) return null
  try {
    await verifyCheckpoint(witness.checkpoint, key)
    return null
  } catch (error) {
    return error instanceof AuditLogError && error.code === 'other-key' ? 'other-key' : 'bad-signature'
  }
}
