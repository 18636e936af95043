const mostSuggestions = 5

/** Of the words those that somebody may have meant, the likeliest first. */
export function similarWords(meant: string, words: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(meant.length / 3))
  return words
    .map((word) => ({ word, distance: distanceOf(meant, word) }))
    .filter(({ word, distance }) => distance <= limit || word.includes(meant))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, mostSuggestions)
    .map(({ word }) => word)
}

/** How many characters must be put in, taken out or replaced (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [index, character] of [...a].entries()) {
    const next = [index + 1]
    for (let at = 0; at < b.length; at++)
      next.push(Math.min(row[at + 1]! + 1, next[at]! + 1, row[at]! + (b[at] === character ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}
