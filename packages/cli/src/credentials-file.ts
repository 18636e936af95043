import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Identity } from '@sealmq/client'
import { CommandError, exitCodes } from './exit-codes.ts'

/** What `setup` and `login` leave behind: a session for administration and this installation's sender. */
export interface Credentials {
  session: { token: string; expiresAt: number }
  email: string
  identity: Identity
}

/** `$SEALMQ_HOME`, or ~/.config/sealmq. */
export const homeFolder = (): string => process.env.SEALMQ_HOME ?? join(homedir(), '.config', 'sealmq')

const credentialsPath = () => join(homeFolder(), 'credentials.json')
/** Where this sender remembers numbers and messages accepted. */
export const rememberedPath = (sender: number): string => join(homeFolder(), `remembered-${sender}.json`)

/** @throws CommandError `not-signed-in`, `credentials-damaged` */
export async function readCredentials(): Promise<Credentials> {
  const path = credentialsPath()
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new CommandError(
        'not-signed-in',
        'Not signed in. Sign in with sealmq login --server URL --email E.',
        exitCodes.notSignedIn,
      )
    throw error
  })
  try {
    return JSON.parse(text) as Credentials
  } catch {
    throw new CommandError('credentials-damaged', `${path} is damaged. Remove it and sign in again.`)
  }
}

/** Written as a whole, mode 0600 in a folder of mode 0700. */
export async function writeCredentials(credentials: Credentials): Promise<void> {
  await mkdir(homeFolder(), { recursive: true, mode: 0o700 })
  await chmod(homeFolder(), 0o700)
  const next = `${credentialsPath()}.new`
  const file = await open(next, 'w', 0o600)
  await file.writeFile(`${JSON.stringify(credentials, null, 2)}\n`)
  await file.sync()
  await file.close()
  await rename(next, credentialsPath())
}

export async function removeCredentials(sender: number): Promise<void> {
  await rm(credentialsPath(), { force: true })
  await rm(rememberedPath(sender), { force: true })
}
