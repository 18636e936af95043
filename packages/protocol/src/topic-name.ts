const encoder = new TextEncoder()
// A lone surrogate has no UTF-8 form (MQTT 5.0, 1.5.4-1).
const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

/** What is wrong with any MQTT string (MQTT 5.0, 1.5.4 and 4.7.3), as a sentence; null when nothing is. */
export function topicStringFault(text: string): string | null {
  if (text.length === 0) return 'A topic needs at least one character.'
  if (text.includes('\u0000')) return 'A topic must not hold the null character.'
  if (loneSurrogate.test(text)) return 'A topic must be valid Unicode.'
  if (encoder.encode(text).length > 65_535) return 'A topic must be at most 65,535 bytes long.'
  return null
}

/** What is wrong with a topic name to publish on (MQTT 5.0, 4.7), as a sentence; null when nothing is. */
export function topicNameFault(topic: string): string | null {
  const fault = topicStringFault(topic)
  if (fault) return fault
  if (/[+#]/.test(topic)) return 'A topic to publish on must not hold the wildcards + and #.'
  return null
}
