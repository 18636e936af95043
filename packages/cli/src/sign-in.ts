import { hostname } from 'node:os'
import { AuthorityClient, enrolSender, type Identity } from '@sealmq/client'
import type { Me, Session } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { routes } from '@sealmq/protocol/routes'
import { knownDevices, signUps } from './account-secrets.ts'
import { type Credentials, readCredentials, readSession, writeCredentials } from './credentials-file.ts'
import { CommandError, exitCodes } from './exit-codes.ts'
import { authorityOptions, openAuthority, type ServerFlags } from './open-authority.ts'

export interface SignInOptions extends ServerFlags {
  /** As it is typed to sign in. */
  email: string
  senderName?: string
}

/** Whoever has signed in, and the sender of this installation: null while the account may not have one. */
export interface SignedIn {
  me: Me
  server: string
  sender: number | null
}

/**
 * Signs in by `ask`, makes this installation's sender with a key of its own where the account may have one, and keeps
 * all of it.
 * @param ask gets the token that an earlier sign-in left on this device
 */
export async function signIn(
  options: SignInOptions,
  ask: (authority: AuthorityClient, knownDevice: string | null) => Promise<Session>,
): Promise<SignedIn> {
  const before = await readCredentials().catch(() => null)
  if (before?.session === null) {
    throw new CommandError(
      'is-device',
      `This installation is the device ${before.email}. Sign in in another folder (SEALMQ_HOME), or end the device's part here with sealmq logout.`,
      exitCodes.usage,
    )
  }
  const { authority, server, ca } = await openAuthority(options)
  const { token, expiresAt, knownDevice, me } = await ask(authority, await knownDevices.find(server, options.email))
  await knownDevices.keep(server, options.email, knownDevice)
  await signUps.forget(server, options.email)
  const account = { server, ca, email: me.email, session: { token, expiresAt } }
  const senderName = options.senderName ?? `cli on ${hostname()}`
  const kept = before?.identity ? await reuse(before.identity, me, { server, ca }) : null
  const credentials = { ...account, state: me.state, senderName, identity: kept }
  // The session is kept first: with it, what stands in the way of a sender can be mended.
  await writeCredentials(credentials)
  const identity = kept ?? (me.state === 'active' ? await enrol(credentials) : null)
  await writeCredentials({ ...credentials, identity })
  return { me, server, sender: identity?.sender ?? null }
}

/** Makes this installation's sender when the account has come to may have one. @returns whether it was made now */
export async function enrolWhenActive(authority: AuthorityClient): Promise<boolean> {
  const credentials = await readSession()
  if (credentials.identity !== null) return false
  const { state } = await authority.request<Me>('GET', routes.me)
  const identity = state === 'active' ? await enrol(credentials) : null
  await writeCredentials({ ...credentials, state, identity })
  return identity !== null
}

// An installation stays one sender however often its person signs in; one that another person leaves is removed.
async function reuse(identity: Identity, me: Me, { server, ca }: Pick<Credentials, 'server' | 'ca'>) {
  if (identity.authority !== server) return null
  const authority = new AuthorityClient(authorityOptions(server, ca, identity.token))
  const owner = await authority.request<Me>('GET', routes.me).catch(() => null)
  if (owner?.member === me.member) return me.state === 'active' ? { ...identity, ca } : null
  if (owner) await authority.removeSender(identity.sender).catch(() => {})
  return null
}

function enrol({ server, ca, session, senderName }: Awaited<ReturnType<typeof readSession>>): Promise<Identity> {
  const authority = new AuthorityClient(authorityOptions(server, ca, session.token))
  return enrolSender(authority, nodeCryptography, senderName, 'ES256', ca)
}
