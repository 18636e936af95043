import { styleText } from 'node:util'
import type { Finding, FindingCode, NoteCode, VerificationReport } from '@sealmq/audit-log'
import { plainText } from './plain-text.ts'
import { counted } from './progress-line.ts'

const labels: Record<FindingCode, string> = {
  altered: 'ALTERED',
  misplaced: 'MISPLACED',
  malformed: 'UNREADABLE',
  cut: 'CUT OFF',
  forked: 'FORKED',
  'other-log': 'OTHER LOG',
  'other-key': 'OTHER KEY',
  'bad-signature': 'BAD SIGNATURE',
  trailing: 'TOO MUCH',
  unproved: 'UNPROVED',
}

/** What was compared beside the export itself. */
export interface Compared {
  /** Size of the tree that was seen last time; null when none was compared. */
  rememberedSize: number | null
  /** By line of the file: what an altered record says of itself as it stands. */
  asItStands: ReadonlyMap<number, string>
}

/** A report as lines for people. */
export function verdictLines(report: VerificationReport, compared: Compared): string[] {
  const { findings, moreFindings, notes, moreNotes } = report
  const told = notes.filter(({ code }) => code !== 'no-outside-checkpoint' || compared.rememberedSize === null)
  return [
    ...(findings.length === 0 ? wholeLines(report, compared) : brokenLines(report, compared)),
    ...(moreFindings > 0 ? [`… and ${counted(moreFindings, 'finding')} more.`] : []),
    ...(told.length > 0 ? ['Notes:', ...told.map((note) => `  ${noteText(note)}`)] : []),
    ...(moreNotes > 0 ? [`  … and ${counted(moreNotes, 'note')} more.`] : []),
  ]
}

function wholeLines(report: VerificationReport, { rememberedSize }: Compared): string[] {
  const { from, size, root, origin, key, newestRecordTime, checkpointsHeld, outside } = report
  const proved = report.proved ?? from
  const what =
    from === 0
      ? `The log of ${counted(size, 'record')}`
      : `The log from record ${from} on, ${counted(size - from, 'record')},`
  const upTo =
    proved > from ? ` up to record ${proved - 1} nothing was changed, removed or put in between` : ' it holds nothing'
  // Nobody has signed what is behind: that it is whole is not to be said of it.
  const behind = size - Math.max(proved, from)
  const verdict =
    proved > from && behind > 0
      ? `${what} is proved in part:${upTo}; for ${counted(behind, 'record')} behind it nothing vouches.`
      : `${what} is whole:${upTo}.`
  const compared = outside.filter(({ ok }) => ok).length
  return [
    styleText(behind > 0 ? 'yellow' : 'green', verdict),
    `  log         ${origin}`,
    `  key         ${key}`,
    `  newest      ${newestRecordTime === null ? '-' : new Date(newestRecordTime).toISOString()}`,
    `  root        ${root}`,
    `  agrees with ${[
      counted(checkpointsHeld, 'checkpoint of the log', 'checkpoints of the log'),
      ...(compared > 0 ? [counted(compared, 'checkpoint from outside', 'checkpoints from outside')] : []),
      ...(rememberedSize === null || rememberedSize < from
        ? []
        : [`what was seen last time (${counted(rememberedSize, 'record')})`]),
    ].join(', ')}`,
  ]
}

function brokenLines({ findings, moreFindings, origin, size }: VerificationReport, { asItStands }: Compared): string[] {
  const count = counted(findings.length + moreFindings, 'finding')
  const log = origin === null ? 'This' : `${origin}, ${counted(size, 'record')}:`
  return [
    styleText('red', `NOT WHOLE. ${log} ${count}.`),
    ...findings.flatMap(({ code, message, line }) => {
      const record = code === 'altered' && line !== null ? asItStands.get(line) : undefined
      const text = `${styleText('red', labels[code])}: ${plainText(message)}`
      return record === undefined ? [text] : [text, `  As it stands there: ${record}`]
    }),
  ]
}

function noteText({ code, message }: Finding<NoteCode>): string {
  if (code === 'key-unconfirmed')
    return 'The key is known from the log alone. Compare it with the one that was noted at the set-up: --key.'
  if (code === 'no-outside-checkpoint')
    return 'Nothing from outside was compared: a log that was made anew as a whole would not be seen. Keep checkpoints elsewhere: sealmq audit checkpoint --out FILE.'
  return plainText(message)
}
