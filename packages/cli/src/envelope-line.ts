import { fromHex, topicNameFault } from '@sealmq/protocol'

/** What `mosquitto_sub -F` writes, as it may be given: retained, topic, envelope in hexadecimal. */
export const envelopeFormats = ['%t %x', '%r %t %x', '%x', '%r %x'] as const
export type EnvelopeFormat = (typeof envelopeFormats)[number]

/** Of one line, bytes: a packet of 1 MiB in hexadecimal, the longest topic, the flag and the blanks. */
export const maximumLineLength = 2 * 1024 * 1024 + 65_535 + 3

export interface EnvelopeLine {
  topic: string
  /** Empty: a retained message was taken away, and there is nothing to open. */
  envelope: Uint8Array
  retained: boolean
}

const formatPatterns: { [F in EnvelopeFormat]: RegExp } = {
  '%t %x': /^(?<topic>.+) (?<hex>[0-9a-f]*)$/is,
  '%r %t %x': /^(?<retained>[01]) (?<topic>.+) (?<hex>[0-9a-f]*)$/is,
  '%x': /^(?<hex>[0-9a-f]*)$/i,
  '%r %x': /^(?<retained>[01]) (?<hex>[0-9a-f]*)$/i,
}
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads one line. A topic may hold blanks: the envelope is what stands behind the last one.
 * @param topic where the format has none
 * @returns what is wrong with it, in words, when it is no such line
 */
export function readEnvelopeLine(line: Uint8Array, format: EnvelopeFormat, topic: string): EnvelopeLine | string {
  if (line.length > maximumLineLength) return 'is longer than any message of MQTT that is taken here'
  let text: string
  try {
    text = utf8.decode(line)
  } catch {
    return 'is no UTF-8'
  }
  const found = formatPatterns[format].exec(text)?.groups
  const hex = found?.hex ?? ''
  if (!found || hex.length % 2 !== 0) return `is not what mosquitto_sub -F '${format}' writes`
  const name = found.topic ?? topic
  if (topicNameFault(name)) return 'has no topic name'
  return { topic: name, envelope: fromHex(hex.toLowerCase()), retained: found.retained === '1' }
}
