import { type Draft, emptyDraft, forms } from './draft.ts'

/** A message that is kept to be sent again. */
export interface Template {
  name: string
  draft: Draft
}

/** What an imported file may hold. */
export const templateLimits = { bytes: 4 * 1024 * 1024, count: 200, name: 100 }

/** As a file for people to keep; it holds payloads in clear. */
export const templateFile = (templates: readonly Template[]): string =>
  `${JSON.stringify({ sealmqTemplates: 1, templates }, null, 2)}\n`

/** Reads a file of templates, and takes all of it or nothing. @returns null when it is none */
export function readTemplates(text: string): Template[] | null {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(file) || file.sealmqTemplates !== 1 || !Array.isArray(file.templates)) return null
  if (file.templates.length > templateLimits.count) return null
  const templates = file.templates.map(readTemplate)
  return templates.every((template) => template !== null) ? templates : null
}

function readTemplate(value: unknown): Template | null {
  if (!isObject(value) || !isObject(value.draft)) return null
  const { name, draft } = value
  if (typeof name !== 'string' || name.trim() === '' || name.length > templateLimits.name) return null
  if (!Object.entries(emptyDraft).every(([field]) => isFitting(field as keyof Draft, draft[field]))) return null
  // Field by field: what else the file has is left there.
  const fields = Object.keys(emptyDraft).map((field) => [field, draft[field]])
  return { name, draft: Object.fromEntries(fields) }
}

function isFitting(field: keyof Draft, value: unknown): boolean {
  if (field === 'form') return forms.some((form) => form === value && form !== 'file')
  if (field === 'qos') return value === 0 || value === 1 || value === 2
  if (field === 'timeToLive' || field === 'expiry') return value === '' || isSeconds(value)
  return typeof value === typeof emptyDraft[field]
}

const isSeconds = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
