import { auditActions } from '@sealmq/audit-log'
import type { AuditFilter, AuditQuery, ConsistencyQuery } from '@sealmq/protocol/api'
import { type Command, Option } from 'commander'
import { CommandError, exitCodes } from './exit-codes.ts'
import { readMoment } from './moments.ts'
import { similarWords } from './similar-words.ts'

/** Which records are asked for. */
export interface FilterFlags {
  since?: string
  until?: string
  actor?: string
  action?: string
  result?: 'done' | 'refused'
  channel?: string
}

/** The flags that `audit list` and `audit tail` have in common. */
export function withFilter(command: Command): Command {
  return command
    .option('--since <time>', 'from then on: an age (2h, 7d) or a time (2026-11-25, 2026-11-25T08:30Z)')
    .option('--actor <member>', 'done by this member or its senders: sign-in name or id')
    .option('--action <action>', 'login.try; member or member.* for all that begin so')
    .addOption(new Option('--result <result>', 'what was done, or what was refused').choices(['done', 'refused']))
    .option('--channel <name>', 'about this channel')
}

/**
 * What the flags ask the authority for.
 * @param now ms
 * @throws CommandError `bad-time`, `unknown-action`, `usage`
 */
export function readFilter({ since, until, actor, action, result, channel }: FilterFlags, now: number): AuditFilter {
  const filter: AuditFilter = {
    ...(since === undefined ? {} : { since: readMoment(since, '--since', now) }),
    ...(until === undefined ? {} : { until: readMoment(until, '--until', now) }),
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action: readAction(action) }),
    ...(result === undefined ? {} : { result }),
    ...(channel === undefined ? {} : { channel }),
  }
  if (filter.since !== undefined && filter.until !== undefined && filter.since >= filter.until)
    throw new CommandError('usage', '--since must be before --until.', exitCodes.usage)
  return filter
}

/** The query of a request. */
export const queryOf = (query: AuditQuery | ConsistencyQuery): string =>
  new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)] as [string, string]),
  ).toString()

const actions = Object.keys(auditActions)
const groups = [...new Set(actions.map((action) => action.split('.')[0]!))]

function readAction(text: string): string {
  const action = text.trim().toLowerCase()
  if (actions.includes(action) || groups.includes(action.replace(/\.\*$/, ''))) return action
  const similar = similarWords(action, action.includes('.') ? actions : [...groups, ...actions])
  throw new CommandError(
    'unknown-action',
    similar.length > 0
      ? `No action is called ${text}. Did you mean ${similar.join(', ')}?`
      : `No action is called ${text}. Those that there are: ${groups.map((group) => `${group}.*`).join(', ')}.`,
    exitCodes.usage,
  )
}

/** Every action with what it says, for `--help`. */
export const actionList = (): string =>
  Object.entries(auditActions)
    .map(([action, text]) => `  ${action.padEnd(22)} ${text}`)
    .join('\n')
