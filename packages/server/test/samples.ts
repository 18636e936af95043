/** The middle value; of an even count the upper of the two. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/**
 * How well two samples can be told apart: the two-sample Kolmogorov–Smirnov distance, 0 (alike) to 1. Whoever sees one
 * value and guesses its sample by the best threshold is right with probability (1 + distance) / 2.
 */
export function distance(left: readonly number[], right: readonly number[]): number {
  const a = left.toSorted((x, y) => x - y)
  const b = right.toSorted((x, y) => x - y)
  let greatest = 0
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const value = Math.min(a[i]!, b[j]!)
    while (i < a.length && a[i]! <= value) i++
    while (j < b.length && b[j]! <= value) j++
    greatest = Math.max(greatest, Math.abs(i / a.length - j / b.length))
  }
  return greatest
}

/** The distance that samples of one and the same source exceed with probability 0.001 (Smirnov, asymptotic). */
export const chanceDistance = (left: number, right: number): number =>
  Math.sqrt((-Math.log(0.001 / 2) / 2) * ((left + right) / (left * right)))
