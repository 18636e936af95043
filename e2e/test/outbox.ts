import { mkdirSync, readdirSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'

export interface OutboxMail {
  to: string
  subject: string
  text: string
}

/** The mails that an authority without a mail server writes, each taken once. */
export class Outbox {
  readonly #folder: string
  readonly #seen = new Set<string>()
  readonly #mails: OutboxMail[] = []

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'outbox')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
  }

  /** Waits for the first mail to an address that fits, and takes it and those before it that do. */
  async next(to: string, fits: (mail: OutboxMail) => boolean = () => true): Promise<OutboxMail> {
    const watcher = watch(this.#folder)
    try {
      for (;;) {
        const changed = new Promise<void>((resolve) => watcher.once('change', () => resolve()))
        this.#read()
        const index = this.#mails.findIndex((mail) => mail.to === to && fits(mail))
        if (index >= 0) return this.#mails.splice(index, 1)[0]!
        await changed
      }
    } finally {
      watcher.close()
    }
  }

  /** Waits for the next code of six digits that was mailed to an address. */
  async code(to: string): Promise<string> {
    const { text } = await this.next(to, ({ text }) => codeIn(text) !== undefined)
    return codeIn(text)!
  }

  #read(): void {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.eml') && !this.#seen.has(name))
    for (const name of names.sort()) {
      this.#seen.add(name)
      this.#mails.push(readMail(readFileSync(join(this.#folder, name), 'utf8')))
    }
  }
}

const codeIn = (text: string) => /^\d{6}$/m.exec(text)?.[0]

function readMail(message: string): OutboxMail {
  const [head = '', ...rest] = message.replaceAll('\r\n', '\n').split('\n\n')
  const header = (name: string) => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1] ?? ''
  const body = rest.join('\n\n')
  const isQuoted = header('Content-Transfer-Encoding').toLowerCase() === 'quoted-printable'
  return { to: header('To'), subject: header('Subject'), text: isQuoted ? fromQuotedPrintable(body) : body }
}

function fromQuotedPrintable(text: string): string {
  const bytes = text
    .replaceAll('=\n', '')
    .replaceAll(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
