import { open } from 'node:fs/promises'
import { GatewayError } from '../gateway-error.ts'

const groupAndOthers = 0o077
const longestSecret = 64 * 1024

/**
 * Reads a file that nobody else may read.
 * @param place where it is named
 * @throws GatewayError `bad-config`, `unsafe-file`
 */
export async function readSecretFile(path: string, place: string): Promise<string> {
  const unreadable = (error: NodeJS.ErrnoException) => {
    throw new GatewayError('bad-config', `${place}: ${path} cannot be read (${error.code}).`)
  }
  const file = await open(path, 'r').catch(unreadable)
  try {
    // Of the open file, so that it is the one that is read.
    const { mode, size } = await file.stat()
    if (process.platform !== 'win32' && (mode & groupAndOthers) !== 0) {
      throw new GatewayError(
        'unsafe-file',
        `${place}: others may read or write ${path} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
      )
    }
    if (size > longestSecret) throw new GatewayError('bad-config', `${place}: ${path} is too long.`)
    return await file.readFile('utf8').catch(unreadable)
  } finally {
    await file.close()
  }
}

/** The first line of such a file. @throws as `readSecretFile` */
export async function readPasswordFile(path: string, place: string): Promise<string> {
  const [password = ''] = (await readSecretFile(path, place)).split(/\r?\n/)
  if (password === '') throw new GatewayError('bad-config', `${place}: ${path} holds no password.`)
  return password
}
