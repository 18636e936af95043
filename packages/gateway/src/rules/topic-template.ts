import { topicNameFault } from '@sealmq/protocol'

/** A part of a template: a fixed level, the nth level that a + took (from 1), or all that a # took. */
type Part = string | { single: number } | 'rest'

/** What the wildcards of a filter took from a topic. */
export interface Captures {
  singles: readonly string[]
  /** Levels; empty when the filter has no # or it took none. */
  rest: readonly string[]
}

/** The other side's topic, made of fixed levels, `{1}`, `{2}`, … and, at the end, `{#}`. */
export interface TopicTemplate {
  parts: readonly Part[]
  /** Every topic that it can give, as a filter. */
  filter: string
}

/**
 * Reads a template for what a filter captures.
 * @returns the template, or what is wrong with it, as a sentence
 */
export function parseTemplate(text: string, from: string): TopicTemplate | string {
  const wildcards = from.split('/')
  const singles = wildcards.filter((level) => level === '+').length
  const hasRest = wildcards.at(-1) === '#'
  const levels = text.split('/')
  const parts: Part[] = []
  for (const [index, level] of levels.entries()) {
    const single = /^\{([1-9]\d?)\}$/.exec(level)
    if (single) {
      if (Number(single[1]) > singles) return `${level} stands for a + that ${from} does not have.`
      parts.push({ single: Number(single[1]) })
    } else if (level === '{#}') {
      if (!hasRest) return `{#} stands for a # that ${from} does not have.`
      if (index !== levels.length - 1) return '{#} must be the last level.'
      parts.push('rest')
    } else if (/[{}+#]/.test(level)) {
      return `The level ${level} is none of a fixed text, {1} to {99} for what a + took, and {#} for what the # took.`
    } else parts.push(level)
  }
  const fault = topicNameFault(text.replaceAll('{#}', 'x'))
  if (fault) return fault
  if (text.startsWith('$')) return 'Topics that begin with $ belong to the broker.'
  return {
    parts,
    filter: parts.map((part) => (typeof part === 'string' ? (part === 'rest' ? '#' : part) : '+')).join('/'),
  }
}

/** What a filter's wildcards take from a topic that it matches. */
export function capture(filter: string, topic: string): Captures {
  const topicLevels = topic.split('/')
  const singles: string[] = []
  for (const [index, level] of filter.split('/').entries()) {
    if (level === '#') return { singles, rest: topicLevels.slice(index) }
    if (level === '+') singles.push(topicLevels[index]!)
  }
  return { singles, rest: [] }
}

/**
 * The topic on the other side.
 * @returns null when these captures give no topic to publish on: too long, empty, or beginning with $
 */
export function applyTemplate({ parts }: TopicTemplate, { singles, rest }: Captures): string | null {
  const topic = parts
    .flatMap((part) => (part === 'rest' ? rest : typeof part === 'string' ? part : singles[part.single - 1]!))
    .join('/')
  return topicNameFault(topic) || topic.startsWith('$') ? null : topic
}
