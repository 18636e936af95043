import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { AuthorityClient, enrolSender } from '@sealmq/client'
import { fetchWithCa } from '@sealmq/client/node'
import type { Session } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { writeCredentials } from './credentials-file.ts'
import { CommandError, exitCodes } from './exit-codes.ts'

export interface SignInOptions {
  server: string
  ca?: string
  senderName?: string
}

/** Signs in by `ask`, makes this installation's sender with a key of its own, and keeps both. */
export async function signIn(
  options: SignInOptions,
  ask: (authority: AuthorityClient) => Promise<Session>,
): Promise<Session> {
  const { url, ca } = await readServer(options)
  const fetch = ca === null ? undefined : fetchWithCa(ca)
  const authority = new AuthorityClient({ url, fetch })
  const session = await ask(authority)
  const name = options.senderName ?? `cli on ${hostname()}`
  const identity = await enrolSender(authority.withToken(session.token), nodeCryptography, name, 'ES256', ca)
  const { token, expiresAt, me } = session
  await writeCredentials({ session: { token, expiresAt }, email: me.email, identity })
  return session
}

async function readServer({ server, ca }: SignInOptions): Promise<{ url: string; ca: string | null }> {
  const url = URL.canParse(server) ? new URL(server) : null
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new CommandError(
      'bad-server',
      `--server ${server} is no URL. Give for example http://127.0.0.1:8080.`,
      exitCodes.usage,
    )
  }
  if (url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
    throw new CommandError(
      'plain-refused',
      `--server ${server} would send the password over the network in the clear. Use https (serve --tls).`,
      exitCodes.usage,
    )
  }
  if (ca === undefined) return { url: url.origin, ca: null }
  const pem = await readFile(ca, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('ca-file', `--ca ${ca} cannot be read (${error.code}).`, exitCodes.usage)
  })
  return { url: url.origin, ca: pem }
}
