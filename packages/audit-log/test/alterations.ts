import { recordLine } from '../src/index.ts'
import { leafOf } from './sample-log.ts'

export interface Alteration {
  /** Which field, `actor.roles` and the like. */
  field: string
  /** The record with this field altered. */
  text: string
}

/** Every field of a record altered in turn: the values, one at a time, and each list and object by one more entry. */
export function alterationsOf(text: string): Alteration[] {
  const record = JSON.parse(text)
  return paths(record, []).map((path) => {
    const copy = JSON.parse(text)
    const holder = path.slice(0, -1).reduce((value, name) => value[name], copy)
    const name = path.at(-1)!
    holder[name] = altered(holder[name])
    return { field: path.join('.'), text: JSON.stringify(copy) }
  })
}

/** The line of an altered record that keeps the hash which it had. */
export function withOldHash(line: string, text: string): string {
  return `${line.slice(0, 84)}${text}}`
}

/** The line of an altered record with a hash that fits it. */
export function withNewHash(text: string): string {
  return recordLine(leafOf(text), text)
}

function paths(value: object, before: string[]): string[][] {
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = [...before, name]
    const isNested = typeof inner === 'object' && inner !== null
    return isNested ? [path, ...paths(inner, path)] : [path]
  })
}

function altered(value: unknown): unknown {
  if (typeof value === 'string') return value === 'done' ? 'refused' : `${value}x`
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (Array.isArray(value)) return [...value, 'x']
  return value === null ? 'x' : { ...value, x: 1 }
}
