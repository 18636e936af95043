import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { StartError } from '../authority-error.ts'

/** Where the certificate comes from: a local CA made here, or files. */
export type TlsSetting =
  | { kind: 'local'; names: string[] }
  | { kind: 'files'; cert: string; key: string; ca?: string | undefined }

export interface Tls {
  /** PEM. */
  key: string
  cert: string
  caFile: string | null
  /** PEM of that file. */
  ca: string | null
}

/** @throws StartError `tls-files` */
export async function loadTls(setting: TlsSetting, folder: string, now: number): Promise<Tls> {
  if (setting.kind === 'local') {
    // Loaded only when used: it is large.
    const { localTls } = await import('./local-authority.ts')
    return localTls(folder, setting.names, now)
  }
  const read = (flag: string, path: string) =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new StartError('tls-files', `${flag} ${path} cannot be read (${error.code}). Give a PEM file.`)
    })
  const pair = { cert: await read('--tls-cert', setting.cert), key: await read('--tls-key', setting.key) }
  try {
    createSecureContext(pair)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StartError(
      'tls-files',
      `--tls-cert ${setting.cert} and --tls-key ${setting.key} are no certificate and its key (${code}). Give PEM files that belong together.`,
    )
  }
  const { ca: caFile = null } = setting
  return { ...pair, caFile, ca: caFile === null ? null : await read('the CA', caFile) }
}
