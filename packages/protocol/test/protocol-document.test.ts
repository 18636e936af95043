import { readFileSync } from 'node:fs'
import { sealErrorCodes } from '@sealmq/protocol'
import { describe, expect, it } from 'vitest'
import { workedExample } from '../vectors/example.ts'

const document = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

describe('docs/protocol.md', () => {
  it('shows the bytes of the vector in its worked example', () => {
    expect(document).toContain(workedExample())
  })

  it('lists every refusal code, and no other', () => {
    const table = document.slice(document.indexOf('## 11.'), document.indexOf('## 12.'))
    const listed = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code)
    expect(listed.sort()).toEqual(Object.keys(sealErrorCodes).sort())
  })
})
