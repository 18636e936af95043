const tokens =
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|((?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])))/y

/** The line, from 1, of the first thing that is wrong in a text that is no JSON; JSON.parse does not always tell. */
export function jsonFaultLine(text: string): number {
  const end = faultOffset(text)
  const space = /[ \t\n\r]*/y
  space.lastIndex = end
  const at = end + space.exec(text)![0].length
  // A text that ends too early is faulty on its last line.
  const before = at === text.length ? text.trimEnd() : text.slice(0, at)
  return before.split('\n').length
}

// Where the last token ends that may stand where it stands. `open` are the brackets around it.
function faultOffset(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: 'value' | 'first' | 'key' | 'colon' | 'next' | 'end' = 'value'
  tokens.lastIndex = 0
  for (;;) {
    const offset = tokens.lastIndex
    const [, mark, string, literal] = tokens.exec(text) ?? []
    const inside = open.at(-1)
    if (mark === undefined && string === undefined && literal === undefined) return offset
    const isValue = expected === 'value' || (expected === 'first' && inside === '[')
    const isKey = expected === 'key' || (expected === 'first' && inside === '{')
    if (isValue && (mark === '{' || mark === '[')) {
      open.push(mark)
      expected = 'first'
    } else if (
      (expected === 'next' || expected === 'first') &&
      ((mark === '}' && inside === '{') || (mark === ']' && inside === '['))
    ) {
      open.pop()
      expected = open.length === 0 ? 'end' : 'next'
    } else if (isKey && string !== undefined) expected = 'colon'
    else if (isValue && mark === undefined) expected = open.length === 0 ? 'end' : 'next'
    else if (expected === 'colon' && mark === ':') expected = 'value'
    else if (expected === 'next' && mark === ',') expected = inside === '{' ? 'key' : 'value'
    else return offset
  }
}
