import { createHash } from 'node:crypto'

/** Characters of a topic that a record shows. */
const shownLength = 1000

/** A topic as records show it: of a longer one its beginning and its SHA-256, because a record must stay small. */
export function shownTopic(topic: string): string {
  if (topic.length <= shownLength) return topic
  const beginning = topic.slice(0, shownLength).toWellFormed()
  return `${beginning}… sha256:${createHash('sha256').update(topic).digest('hex')}`
}
