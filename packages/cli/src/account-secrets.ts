import { CommandError } from './exit-codes.ts'
import { homePath, readHomeFile, writeHomeFile } from './home-files.ts'

interface Entry {
  server: string
  email: string
  secret: string
}

/** Secrets by authority and sign-in name, in one file of the home folder. */
export class AccountSecrets {
  readonly #file: string
  constructor(file: string) {
    this.#file = file
  }

  /** @throws CommandError `file-damaged`, as do the others */
  async find(server: string, email: string): Promise<string | null> {
    return (await this.#read()).find(isOf(server, email))?.secret ?? null
  }

  /** Keeps a secret; the one before it is forgotten. */
  async keep(server: string, email: string, secret: string): Promise<void> {
    const others = (await this.#read()).filter((entry) => !isOf(server, email)(entry))
    await writeHomeFile(this.#file, [...others, { server, email: normal(email), secret }])
  }

  async forget(server: string, email: string): Promise<void> {
    const entries = await this.#read()
    const others = entries.filter((entry) => !isOf(server, email)(entry))
    if (others.length < entries.length) await writeHomeFile(this.#file, others)
  }

  async #read(): Promise<Entry[]> {
    const text = await readHomeFile(this.#file)
    const entries = text === null ? [] : parse(text)
    if (Array.isArray(entries) && entries.every(isEntry)) return entries
    throw new CommandError('file-damaged', `${homePath(this.#file)} is damaged. Remove it and run this again.`)
  }
}

/** What sign-ins gave, so that a stranger's guesses do not lock this device out; kept over logout. */
export const knownDevices: AccountSecrets = new AccountSecrets('known-devices.json')

/** Sign-ups that wait for the code from the mail. */
export const signUps: AccountSecrets = new AccountSecrets('sign-ups.json')

// Names are compared as the authority does.
const normal = (email: string) => email.trim().normalize('NFC').toLowerCase()
const isOf = (server: string, email: string) => (entry: Entry) =>
  entry.server === server && entry.email === normal(email)

function isEntry(value: unknown): value is Entry {
  const { server, email, secret } = (value ?? {}) as Partial<Record<keyof Entry, unknown>>
  return [server, email, secret].every((part) => typeof part === 'string')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
