import { topicMatches } from '@sealmq/protocol'
import type { PayloadFormat } from '../formats/payload-format.ts'
import { applyTemplate, capture, type TopicTemplate } from './topic-template.ts'

/** One way over the gateway: `up` from the machines to the plant, sealed; `down` the other way, opened. */
export interface Rule {
  direction: 'up' | 'down'
  /** Filter on the side that the messages come from. */
  from: string
  to: TopicTemplate
  /** On the machines' side; the plant's side always has 1. */
  qos: 0 | 1
  /** Whether retained messages stay retained on the other side. */
  retain: boolean
  format: PayloadFormat
  /** Takes topics that later rules match too. */
  first: boolean
  /** Seconds after which a message is not delivered any more; null: as the channel has it. */
  timeToLive: number | null
  contentType: string | null
  /** Where it stands, `FILE:LINE`. */
  place: string
}

/** The rule that takes a topic, and the topic on the other side; null as topic when there is none to publish on. */
export interface Taken {
  rule: Rule
  topic: string | null
}

/** The rules of one direction; the first that matches takes a topic. */
export class RuleMap {
  readonly rules: readonly Rule[]
  readonly #kept = new Map<string, Taken | null>()

  constructor(rules: readonly Rule[], direction: Rule['direction']) {
    this.rules = rules.filter((rule) => rule.direction === direction)
  }

  take(topic: string): Taken | null {
    const kept = this.#kept.get(topic)
    if (kept !== undefined) return kept
    const rule = this.rules.find(({ from }) => topicMatches(from, topic))
    const taken = rule ? { rule, topic: applyTemplate(rule.to, capture(rule.from, topic)) } : null
    if (this.#kept.size >= keptTopics) this.#kept.clear()
    this.#kept.set(topic, taken)
    return taken
  }
}

const keptTopics = 10_000
