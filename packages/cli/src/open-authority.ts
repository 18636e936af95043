import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { AuthorityClient, type AuthorityClientOptions, type Fetch } from '@sealmq/client'
import { fetchWithCa } from '@sealmq/client/node'
import { CommandError, exitCodes } from './exit-codes.ts'
import { version } from './version.ts'

/** How commands of somebody who is not signed in say which authority they mean. */
export interface ServerFlags {
  server: string
  ca?: string
}

/** An authority, and the CA (PEM) that its certificate must come from. */
export interface OpenedAuthority {
  authority: AuthorityClient
  server: string
  ca: string | null
}

/** @throws CommandError `bad-server`, `plain-refused`, `ca-file` */
export async function openAuthority(flags: ServerFlags): Promise<OpenedAuthority> {
  const { server, ca } = await readServer(flags)
  return { authority: new AuthorityClient(authorityOptions(server, ca)), server, ca }
}

/** How to reach an authority: it sees in its list of sessions that this is the command line of this machine. */
export function authorityOptions(server: string, ca: string | null, token?: string): AuthorityClientOptions {
  const send: Fetch = ca === null ? fetch : fetchWithCa(ca)
  const agent = `sealmq/${version} on ${hostname()}`.replaceAll(/[^\x20-\x7e]/g, '?')
  return {
    url: server,
    token,
    fetch: (url, init) =>
      send(url, { ...init, headers: { ...(init.headers as Record<string, string>), 'user-agent': agent } }),
  }
}

/**
 * The URL of an authority, secrets being safe on the way there.
 * @param from where it was given, for what is said of faults
 * @throws CommandError `bad-server`, `plain-refused`
 */
export function readServerUrl(server: string, from = '--server'): string {
  const url = URL.canParse(server) ? new URL(server) : null
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new CommandError(
      'bad-server',
      `${from}: ${server} is no URL. Give for example http://127.0.0.1:8080.`,
      exitCodes.usage,
    )
  }
  if (url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) {
    throw new CommandError(
      'plain-refused',
      `${from}: ${server} would send secrets over the network in the clear. Use https (serve --tls).`,
      exitCodes.usage,
    )
  }
  return url.origin
}

async function readServer({ server, ca }: ServerFlags): Promise<{ server: string; ca: string | null }> {
  const url = readServerUrl(server)
  if (ca === undefined) return { server: url, ca: null }
  const pem = await readFile(ca, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('ca-file', `--ca ${ca} cannot be read (${error.code}).`, exitCodes.usage)
  })
  return { server: url, ca: pem }
}
