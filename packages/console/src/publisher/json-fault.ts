/** Where JSON stops being JSON; both counted from 1, columns in UTF-16 units as editors do. */
export interface Place {
  line: number
  column: number
}

const space = /[ \t\n\r]*/y
const scalar =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: strings of JSON must not hold them
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

/** What is wrong with a text that should be JSON (RFC 8259): its place; null when nothing is. */
export function jsonFault(text: string): Place | null {
  try {
    JSON.parse(text)
    return null
  } catch {
    // Engines word the place differently, and leave it out of many messages.
    return placeOf(text, faultAt(text))
  }
}

/** @param at offset in UTF-16 units */
export function placeOf(text: string, at: number): Place {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  return { line, column: at - before.lastIndexOf('\n') }
}

/** Offset of the first token that does not fit; the length of the text where more is missing. */
function faultAt(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' = 'value'
  let at = 0
  for (;;) {
    at += matchAt(space, text, at)
    const character = text[at]
    if (character === undefined) return at
    const inside = open.at(-1)
    if (expected === 'colon') {
      if (character !== ':') return at
      expected = 'value'
      at++
    } else if (expected === 'comma-or-end') {
      if (character === ',' && inside) {
        expected = inside === '{' ? 'key' : 'value'
      } else if (inside && character === (inside === '{' ? '}' : ']')) open.pop()
      else return at
      at++
    } else if (expected === 'key' || expected === 'key-or-end') {
      if (character === '}' && expected === 'key-or-end') {
        open.pop()
        expected = 'comma-or-end'
        at++
      } else {
        const length = character === '"' ? matchAt(scalar, text, at) : 0
        if (length === 0) return at
        expected = 'colon'
        at += length
      }
    } else if (character === '{' || character === '[') {
      open.push(character)
      expected = character === '{' ? 'key-or-end' : 'value-or-end'
      at++
    } else if (character === ']' && expected === 'value-or-end') {
      open.pop()
      expected = 'comma-or-end'
      at++
    } else {
      const length = matchAt(scalar, text, at)
      if (length === 0) return at
      expected = 'comma-or-end'
      at += length
    }
  }
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}
