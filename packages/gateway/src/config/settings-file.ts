import { Errors } from 'typebox/value'
import { isMap, LineCounter, type Node, parseDocument } from 'yaml'
import { GatewayError } from '../gateway-error.ts'
import { Settings } from './settings.ts'

type Path = readonly (string | number)[]

/** A file that was read, which knows on which line each of its settings stands. */
export interface SettingsFile {
  settings: Settings
  /** `FILE:LINE` of a setting, or of what is nearest around it. */
  placeOf(path: Path): string
}

/**
 * Reads a configuration; JSON is YAML too.
 * @param file what to call it in errors
 * @throws GatewayError `bad-config` with each fault and its line
 */
export function parseSettings(file: string, text: string): SettingsFile {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, strict: true, uniqueKeys: true, schema: 'core' })
  const placeOf = (path: Path) => `${file}:${lineCounter.linePos(offsetOf(document.contents, path)).line}`
  const [fault] = [...document.errors, ...document.warnings]
  if (fault) {
    const [sentence] = fault.message.split(/ at line |\n/)
    throw new GatewayError('bad-config', `${file}:${lineCounter.linePos(fault.pos[0]).line}: ${sentence}.`)
  }
  const content = readContent(file, document)
  const faults = [...new Set(Errors(Settings, content).flatMap((error) => describe(error, placeOf)))]
  if (faults.length > 0) throw new GatewayError('bad-config', ...faults)
  return { settings: content as Settings, placeOf }
}

// Aliases are not followed: a file of some lines could unfold to any size.
function readContent(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 })
  } catch {
    throw new GatewayError('bad-config', `${file}: aliases (*name) are not taken.`)
  }
}

interface SchemaFault {
  keyword: string
  instancePath: string
  params: object
  message: string
}

function describe({ keyword, instancePath, params, message }: SchemaFault, placeOf: (path: Path) => string): string[] {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const name = path.join('.') || 'the file'
  // It comes along with additionalProperties.
  if (keyword === 'boolean') return []
  if (keyword === 'additionalProperties') {
    const { additionalProperties } = params as { additionalProperties: string[] }
    return additionalProperties.map(
      (key) => `${placeOf([...path, key])}: there is no setting ${[...path, key].join('.')}.`,
    )
  }
  if (keyword === 'required') {
    const { requiredProperties } = params as { requiredProperties: string[] }
    return requiredProperties.map((key) => `${placeOf(path)}: ${[...path, key].join('.')} is missing.`)
  }
  const { allowedValues } = params as { allowedValues?: unknown[] }
  const must = allowedValues ? `must be one of ${allowedValues.join(', ')}` : message
  return [`${placeOf(path)}: ${name} ${must}.`]
}

function offsetOf(contents: unknown, path: Path): number {
  let node = contents as Node | null
  let offset = node?.range?.[0] ?? 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (key as { value?: unknown } | null)?.value === step)
      if (!pair) return offset
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value as Node | null
    } else {
      const item = (node as { items?: Node[] } | null)?.items?.[Number(step)]
      if (!item) return offset
      offset = item.range?.[0] ?? offset
      node = item
    }
  }
  return offset
}
