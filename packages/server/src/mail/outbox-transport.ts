import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { type MailTransport, messageOf } from './transport.ts'

/**
 * Writes mail as RFC 5322 files for an administrator to hand on, when there is no mail server.
 * @param folder made (0700) when missing; names in it tell the time and nothing else
 */
export function outboxTransport(folder: string, now: () => number = Date.now): MailTransport {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
  return {
    kind: 'outbox',
    deliver: async (mail) => {
      const { message } = await composer.sendMail(messageOf(mail))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await chmod(folder, 0o700)
      // ISO 8601 in its basic form: a colon is no part of a file name everywhere.
      const time = new Date(now()).toISOString().replaceAll(/[-:]/g, '')
      const name = `${time}-${randomBytes(6).toString('hex')}.eml`
      return { file: await writeWhole(folder, name, message as Buffer) }
    },
    close: () => {},
  }
}

// Whoever watches the folder finds whole files only.
async function writeWhole(folder: string, name: string, bytes: Uint8Array): Promise<string> {
  const temporary = join(folder, `.${name}.part`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(folder, name))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return join(folder, name)
}
