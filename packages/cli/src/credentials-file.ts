import { AuthorityClient, type Identity } from '@sealmq/client'
import { withFileLock } from '@sealmq/client/node'
import type { Me } from '@sealmq/protocol/api'
import { CommandError, exitCodes } from './exit-codes.ts'
import { homePath, makeHomeFolder, readHomeFile, removeHomeFile, writeHomeFile } from './home-files.ts'
import { loginCommand } from './next-command.ts'
import { authorityOptions } from './open-authority.ts'

/**
 * What `setup` and `login` leave behind: a session, and this installation's sender once the account may have one.
 * `enroll` leaves the sender of a device, which has no session.
 */
export interface Credentials {
  /** URL of the authority. */
  server: string
  /** PEM of the CA that its certificate must come from; null for the system's. */
  ca: string | null
  /** What is signed in with; of a device its name. */
  email: string
  /** null: this installation is a device. */
  session: { token: string; expiresAt: number } | null
  /** As it was at sign-in. */
  state: Me['state']
  /** What this installation is called. */
  senderName: string
  /** null: the account waits for approval, or must add the authenticator first. */
  identity: Identity | null
}

const credentialsFile = 'credentials.json'
/** How long to wait for other processes, ms; longer than a lock that was left behind counts. */
const lockPatience = 15_000
const rememberedFile = (sender: number) => `remembered-${sender}.json`
/** Where this sender remembers numbers and messages accepted. */
export const rememberedPath = (sender: number): string => homePath(rememberedFile(sender))

/** For commands that need the session only. @throws CommandError `not-signed-in`, `credentials-damaged` */
export async function readCredentials(): Promise<Credentials> {
  const text = await readHomeFile(credentialsFile)
  if (text === null)
    throw new CommandError(
      'not-signed-in',
      'Not signed in. Sign in with sealmq login --server URL --email E.',
      exitCodes.notSignedIn,
    )
  const credentials = parse(text)
  if (typeof credentials?.server !== 'string')
    throw new CommandError(
      'credentials-damaged',
      `${homePath(credentialsFile)} is damaged. Remove it and sign in again.`,
    )
  return credentials
}

/** For commands that people sign in for. @throws CommandError `no-session` beside those of readCredentials */
export async function readSession(): Promise<Credentials & { session: NonNullable<Credentials['session']> }> {
  const { session, ...credentials } = await readCredentials()
  if (session !== null) return { ...credentials, session }
  throw new CommandError(
    'no-session',
    `This installation is the device ${credentials.email}, which does nothing but pub and sub. Sign in as yourself in another folder (SEALMQ_HOME).`,
    exitCodes.notSignedIn,
  )
}

/** This installation's sender. @throws CommandError `not-approved`, `factor-needed` beside those of readCredentials */
export async function readIdentity(): Promise<Identity> {
  const credentials = await readCredentials()
  if (credentials.identity !== null) return credentials.identity
  if (credentials.state === 'factor-needed')
    throw new CommandError(
      'factor-needed',
      'Your role asks for an authenticator app. Add it with sealmq factor add totp.',
      exitCodes.notPermitted,
    )
  throw new CommandError(
    'not-approved',
    `Your account waits for an administrator to approve it. Once that is done, sign in again: ${loginCommand(credentials)}`,
    exitCodes.notPermitted,
  )
}

/** @throws ClientError `storage-busy` */
export async function writeCredentials(credentials: Credentials): Promise<void> {
  await makeHomeFolder()
  await withFileLock(homePath(credentialsFile), lockPatience, () => writeHomeFile(credentialsFile, credentials))
}

/**
 * Changes the identity as it is kept now, while no other process does.
 * @param change is given the identity; what it returns is written, null writes nothing
 * @throws ClientError `storage-busy`
 */
export async function changeIdentity(change: (identity: Identity) => Identity | null): Promise<void> {
  await withFileLock(homePath(credentialsFile), lockPatience, async (isHeld) => {
    const credentials = await readCredentials()
    const changed = credentials.identity && change(credentials.identity)
    if (changed && (await isHeld())) await writeHomeFile(credentialsFile, { ...credentials, identity: changed })
  })
}

export async function removeCredentials({ identity }: Credentials): Promise<void> {
  await removeHomeFile(credentialsFile)
  if (identity) await forgetSender(identity)
}

/** Forgets what a sender remembered. */
export async function forgetSender({ sender }: Identity): Promise<void> {
  await removeHomeFile(rememberedFile(sender))
}

/** Has the authority remove this installation's sender, by the sender's own token: sessions end by themselves. */
export async function removeSender({ server, ca, identity }: Credentials): Promise<void> {
  if (identity === null) return
  await new AuthorityClient(authorityOptions(server, ca, identity.token)).removeSender(identity.sender)
}

function parse(text: string): Credentials | null {
  try {
    return JSON.parse(text) as Credentials | null
  } catch {
    return null
  }
}
