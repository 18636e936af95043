/**
 * Text that somebody else chose, for a terminal: what would steer it or turn its writing direction is shown as an escape.
 */
export const plainText = (text: string): string =>
  text.replaceAll(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not reach a terminal
    /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** A value as JSON in one line, of which nothing steers a terminal; it reads the same. */
export const plainJson = (value: unknown): string => plainText(JSON.stringify(value))
