import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { routes } from '@sealmq/protocol/api'
import type { Bar } from './bars.ts'

/** What sign-in costs the authority: logins a second, and how long its event loop is held up meanwhile, ms. */
export interface SignInFigures {
  parallel: number
  logins: number
  rate: number
  p99: number
  longest: number
}

/** Signs this many members in at once, several times, each with Argon2id, at an authority in a process of its own. */
export async function measureSignIn(parallel = 50, rounds = 6): Promise<SignInFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-bench-sign-in-'))
  const child = fork(fileURLToPath(new URL('./sign-in-process.ts', import.meta.url)), [folder])
  try {
    const { httpUrl, setupCode } = await answerOf<{ httpUrl: string; setupCode: string }>(child)
    const password = randomBytes(18).toString('base64url')
    const post = async <T>(route: string, body: object, token?: string): Promise<T> => {
      const answer = await fetch(httpUrl + route, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
        body: JSON.stringify(body),
      })
      if (!answer.ok) throw new Error(`${route} was answered with ${answer.status}`)
      return (await answer.json()) as T
    }
    const first = { email: 'bench@bench.invalid', name: 'bench', password }
    const { token } = await post<{ token: string }>(routes.setup, { ...first, code: setupCode })
    const emails = Array.from({ length: parallel }, (_, index) => `bench${index}@bench.invalid`)
    for (const email of emails) await post(routes.members, { email, name: 'bench', password, roles: [] }, token)
    const logInAll = () => Promise.all(emails.map((email) => post(routes.login, { email, password })))
    await logInAll()
    child.send('begin')
    await answerOf(child)
    const begin = performance.now()
    for (let round = 0; round < rounds; round++) await logInAll()
    const seconds = (performance.now() - begin) / 1000
    child.send('end')
    const delays = await answerOf<{ p99: number; longest: number }>(child)
    return { parallel, logins: parallel * rounds, rate: (parallel * rounds) / seconds, ...delays }
  } finally {
    child.disconnect()
    await once(child, 'exit')
    await rm(folder, { recursive: true, force: true })
  }
}

/** The bars of sign-in. */
export const signInBars = ({ parallel, rate, p99 }: SignInFigures): Bar[] => [
  { what: 'logins a second with Argon2id', wanted: '≥ 20', measured: rate, met: rate >= 20 },
  {
    what: `event-loop delay p99 under ${parallel} parallel logins, ms`,
    wanted: '≤ 50',
    measured: p99,
    met: p99 <= 50,
  },
]

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the authority ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}
