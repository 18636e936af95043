import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** A mail as its reader sees it. */
export interface ReadMail {
  file: string
  to: string
  subject: string
  text: string
}

/** How long a mail may take, ms. */
const patience = 10_000

/** The folder outbox of an authority, read as people read their mail: each once. */
export class MailFolder {
  readonly #folder: string
  readonly #taken = new Set<string>()

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'outbox')
  }

  /** Every mail there is to an address, about something. */
  async find(to: string, about: RegExp = /^/): Promise<ReadMail[]> {
    const names = await readdir(this.#folder).catch(() => [])
    const files = names.filter((name) => name.endsWith('.eml')).sort()
    const mails = await Promise.all(files.map(async (name) => readMail(name, await readFile(join(this.#folder, name)))))
    return mails.filter((mail) => mail.to === to && about.test(mail.subject))
  }

  /** Waits for a mail that was not taken yet. */
  async take(to: string, about: RegExp = /^/): Promise<ReadMail> {
    for (const end = Date.now() + patience; Date.now() < end; await setTimeout(10)) {
      const mail = (await this.find(to, about)).find(({ file }) => !this.#taken.has(file))
      if (!mail) continue
      this.#taken.add(mail.file)
      return mail
    }
    throw new Error(`There is no mail to ${to} about ${about}.`)
  }

  /** The code of the next mail. */
  async takeCode(to: string, about: RegExp = /your code|invited/i): Promise<string> {
    return codeOf(await this.take(to, about))
  }
}

/** The code that stands alone on a line. */
export function codeOf({ text }: ReadMail): string {
  const code = /^(\d{6}|[0-9A-Z]{5}(?:-[0-9A-Z]{5})+)$/m.exec(text)?.[1]
  if (!code) throw new Error('There is no code in this mail.')
  return code
}

function readMail(file: string, bytes: Buffer): ReadMail {
  const [head = '', ...rest] = bytes.toString('latin1').split('\r\n\r\n')
  const headers = head.replaceAll(/\r\n[ \t]+/g, ' ')
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(headers)?.[1]?.trim() ?? ''
  const body = rest.join('\r\n\r\n')
  const encoding = header('content-transfer-encoding').toLowerCase()
  const raw = encoding === 'quoted-printable' ? quotedPrintable(body) : encoding === 'base64' ? base64(body) : body
  const text = Buffer.from(raw, 'latin1').toString().replaceAll('\r\n', '\n')
  return { file, to: header('to').replace(/^<|>$/g, ''), subject: header('subject'), text }
}

const quotedPrintable = (body: string) =>
  body
    .replaceAll(/=\r\n/g, '')
    .replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
const base64 = (body: string) => Buffer.from(body, 'base64').toString('latin1')
