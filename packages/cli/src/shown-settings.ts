import type { SettingInfo } from '@sealmq/protocol/api'

/** Settings with where each comes from, the strongest first; of URLs only what leads somewhere, no credentials. */
export function shownSettings(
  chosen: { readonly [name: string]: unknown },
  origins: readonly (readonly [SettingInfo['origin'], { readonly [name: string]: unknown }])[],
): SettingInfo[] {
  return Object.entries(chosen).map(([name, value]) => ({
    name,
    value: shown(value),
    origin: origins.find(([, given]) => given[name] !== undefined)?.[0] ?? 'default',
  }))
}

function shown(value: unknown): string {
  if (value === null) return ''
  const text = Array.isArray(value) ? value.join(', ') : String(value)
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text
  if (!URL.canParse(text)) return '…'
  const { protocol, host, pathname } = new URL(text)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}
