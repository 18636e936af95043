const units = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const

/** How long something is there, in its largest unit. @param age ms, from 0 */
export function ageText(age: number): string {
  const [unit, length] = units.find(([, ms]) => age >= ms) ?? units[3]
  return new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(age / length))
}
