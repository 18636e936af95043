/** The part of JSON Schema that the schemas of `@sealmq/protocol/api` use for answers. */
export interface AnswerShape {
  readonly type?: unknown
  readonly properties?: Readonly<Record<string, AnswerShape>>
  readonly required?: readonly string[]
  readonly items?: AnswerShape
  readonly anyOf?: readonly AnswerShape[]
  readonly const?: unknown
}

/**
 * Whether an answer has the fields and types that are read from it; more fields are no fault.
 * Written out, because TypeBox's own check would nearly double what a browser loads.
 */
export function hasShape(shape: AnswerShape, value: unknown): boolean {
  if (shape.anyOf) return shape.anyOf.some((choice) => hasShape(choice, value))
  if (shape.const !== undefined) return value === shape.const
  if (shape.type === 'null') return value === null
  if (shape.type === 'array') return Array.isArray(value) && value.every((item) => hasShape(shape.items ?? {}, item))
  if (shape.type !== 'object') return shape.type === undefined || typeof value === shape.type
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const fields = value as Record<string, unknown>
  if (shape.required?.some((name) => fields[name] === undefined)) return false
  return Object.entries(shape.properties ?? {}).every(
    ([name, field]) => fields[name] === undefined || hasShape(field, fields[name]),
  )
}
