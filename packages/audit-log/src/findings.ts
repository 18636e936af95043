/** What is wrong with an export. A code that has been released keeps its meaning. */
export const findingCodes = [
  /** A record does not fit its own hash. */
  'altered',
  /** A record stands at another place than its number says, comes twice or is missing. */
  'misplaced',
  /** A line cannot be read. */
  'malformed',
  /** Something is missing at the end. */
  'cut',
  /** The records do not lead to the root that was signed. */
  'forked',
  /** Something is of another deployment. */
  'other-log',
  /** Something is signed with another key. */
  'other-key',
  /** A signature does not fit. */
  'bad-signature',
  /** There is more than the head says. */
  'trailing',
  /** No signed checkpoint holds for any record. */
  'unproved',
] as const
export type FindingCode = (typeof findingCodes)[number]

/** What is not wrong, but is to be known. */
export const noteCodes = [
  /** The time of a record is before that of the one before. */
  'clock-back',
  /** Records behind the last checkpoint are not signed yet. */
  'unsigned-tail',
  /** The key is known from the export alone. */
  'key-unconfirmed',
  /** Nothing kept outside was there to compare with. */
  'no-outside-checkpoint',
  /** Something kept outside is from before the first record here. */
  'outside-earlier',
  /** The store was restored from a backup. */
  'restored',
  /** Checkpoints that say nothing, since records before them are missing. */
  'unchecked',
] as const
export type NoteCode = (typeof noteCodes)[number]

/** One thing that was found. */
export interface Finding<Code = FindingCode> {
  code: Code
  /** First position that it is about; null when it is about none. */
  from: number | null
  /** Last position. */
  to: number | null
  /** Line of the file, from 1, where it is about one that cannot be read otherwise. */
  line: number | null
  /** One sentence or two. Holds nothing that could steer a terminal. */
  message: string
}

const keptOfEachCode = 500

/**
 * What was found, the first five hundred of each code; of the rest only how many they are. So no file can fill the memory, and
 * none can hide one thing behind many others.
 */
export class FindingList<Code> {
  readonly list: Finding<Code>[] = []
  readonly #counts = new Map<Code, number>()
  /** How many there are beside those in the list. */
  more = 0

  /** @param where positions, both ends included, or a line, or neither */
  add(code: Code, message: () => string, where: { from?: number; to?: number; line?: number } = {}): void {
    const count = (this.#counts.get(code) ?? 0) + 1
    this.#counts.set(code, count)
    if (count > keptOfEachCode) {
      this.more++
      return
    }
    const { from = null, to = from, line = null } = where
    this.list.push({ code, from, to, line, message: message() })
  }

  /** In the order of the log; what is about no position comes first. */
  sorted(): Finding<Code>[] {
    return this.list.toSorted((a, b) => (a.from ?? -1) - (b.from ?? -1))
  }
}
