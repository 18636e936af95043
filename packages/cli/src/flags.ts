import { InvalidArgumentError } from 'commander'

/** A whole number within bounds, for commander. */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It takes a whole number from ${minimum} to ${maximum}.`)
    }
    return value
  }

/** QoS 0, 1 or 2. */
export const qualityOfService = wholeNumber(0, 2) as (text: string) => 0 | 1 | 2

/** Collects a flag that may be given several times. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value]
