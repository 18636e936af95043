import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type MemberInfo, routes } from '@sealmq/protocol/api'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { password, type TestAuthority } from './test-authority.ts'

type Member = MemberInfo & { token: string }

const at = (route: string, id: string) => route.replace(':id', encodeURIComponent(id))

/** What ends a session. */
const ends: [name: string, end: (authority: TestAuthority, member: Member) => Promise<unknown>][] = [
  ['logout', (authority, { token }) => authority.ask('POST', routes.logout, undefined, token)],
  ['roles', (authority, { id }) => authority.askAdmin('PATCH', at(routes.member, id), { roles: ['controller'] })],
  [
    'a new password',
    (authority, { id }) => authority.askAdmin('PATCH', at(routes.member, id), { password: `${password} again` }),
  ],
  ['removal', (authority, { id }) => authority.askAdmin('DELETE', at(routes.member, id))],
  [
    'time',
    async ({ options }) => {
      const database = new DatabaseSync(join(options.dataDir, 'sealmq.db'))
      database.exec(`pragma busy_timeout = 5000; update sessions set expires_at = ${Date.now() - 1}
        where member_id not in (select id from members where email = 'ada@plant.example')`)
      database.close()
    },
  ],
]

/** Session tokens are 256 random bits, kept only as hashes, and die when they must; others of the same time live on. */
export async function endSessions(authority: TestAuthority, rounds: number, count: Count): Promise<void> {
  const tokens = new Set<string>()
  const status = async (token: string) => (await authority.ask('GET', routes.me, undefined, token)).status
  for (let round = 0; round < rounds; round++) {
    const [name, end] = ends[round % ends.length]!
    const member = await authority.createMember(`m${round}`, 'viewer')
    const second = await authority.logIn(member.email)
    for (const token of [member.token, second]) {
      expect(token).toMatch(/^[\w-]{43}$/)
      expect(tokens.has(token)).toBe(false)
      tokens.add(token)
      expect(await status(token)).toBe(200)
    }
    const stored = readdirSync(authority.options.dataDir).filter((file) => file.startsWith('sealmq.db'))
    for (const file of stored) {
      const bytes = readFileSync(join(authority.options.dataDir, file))
      for (const form of [Buffer.from(second), Buffer.from(second, 'base64url')]) {
        expect(bytes.includes(form), `a session token in ${file}`).toBe(false)
      }
    }
    await end(authority, member)
    expect(await status(member.token), name).toBe(401)
    expect(await status(second), `the other session after ${name}`).toBe(name === 'logout' ? 200 : 401)
    expect(await status(authority.admin)).toBe(200)
    count(`sessions ended`, name === 'logout' ? 1 : 2)
  }
}
