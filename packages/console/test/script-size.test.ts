import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const assets = join(dist, 'assets')
const sources = new Map(
  readdirSync(assets)
    .filter((name) => name.endsWith('.js'))
    .map((name) => [name, readFileSync(join(assets, name))]),
)
const sizeOf = (names: Iterable<string>) =>
  [...names].reduce((sum, name) => sum + gzipSync(sources.get(name)!, { level: 6 }).length, 0)

/** A file and all that it imports before it runs. */
function withImports(name: string, into = new Set<string>()): Set<string> {
  if (into.has(name)) return into
  into.add(name)
  for (const [, imported] of String(sources.get(name)).matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) {
    withImports(imported!, into)
  }
  return into
}

const named = (start: string) => [...sources.keys()].find((name) => name.startsWith(start))!
const first = /src="\/assets\/([^"]+\.js)"/.exec(readFileSync(join(dist, 'index.html'), 'utf8'))![1]!

describe('the script of the console, compressed', () => {
  it('is under 350 kB until somebody can sign in, at each door', () => {
    for (const desk of ['account-desk', 'subscribe-desk', 'administration-desk']) {
      expect(named(desk), desk).toBeDefined()
      const files = withImports(named(desk), withImports(first))
      expect(files.size).toBeGreaterThan(2)
      expect(sizeOf(files), desk).toBeLessThan(350_000)
    }
  })

  it('is under 700 kB in all, without charts and administration', () => {
    const isApart = (name: string) => /^(chart|administration-desk|channels-desk|audit-desk|verify-worker)-/.test(name)
    const names = [...sources.keys()].filter((name) => !isApart(name))
    expect(names.some((name) => name.startsWith('sealing-worker'))).toBe(true)
    expect(sizeOf(names)).toBeLessThan(700_000)
  })
})
