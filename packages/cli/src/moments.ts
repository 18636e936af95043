import { CommandError, exitCodes } from './exit-codes.ts'

const unitLengths = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/**
 * A time as people give it: an age (90s, 15m, 2h, 7d, 4w), or ISO 8601, in local time where it names no zone; a day is its
 * beginning.
 * @param flag for the refusal
 * @param now ms
 * @returns ms
 * @throws CommandError `bad-time`
 */
export function readMoment(text: string, flag: string, now: number): number {
  const moment = momentOf(text, now)
  if (moment !== null && moment >= 0) return moment
  throw new CommandError(
    'bad-time',
    `${flag} ${text} is no time. Give an age (90s, 15m, 2h, 7d, 4w) or a time such as 2026-11-25, 2026-11-25T08:30 or 2026-11-25T07:30Z.`,
    exitCodes.usage,
  )
}

function momentOf(text: string, now: number): number | null {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) return now - Number(count) * unitLengths[unit as keyof typeof unitLengths]
  const [, day, time = '00:00', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text) ?? []
  if (day === undefined || !isDay(day)) return null
  const moment = Date.parse(`${day}T${time}${zone.toUpperCase()}`)
  return Number.isNaN(moment) ? null : moment
}

// Date takes the 30th of February for a day of March.
function isDay(day: string): boolean {
  const moment = Date.parse(`${day}T00:00Z`)
  return !Number.isNaN(moment) && new Date(moment).toISOString().startsWith(day)
}

/** A time of this machine's zone as tables show it, to the second. */
export function localTime(ms: number): string {
  const date = new Date(ms)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
