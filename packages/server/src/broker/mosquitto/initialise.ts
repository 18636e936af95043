import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StartError } from '../../authority-error.ts'
import { newSecret } from '../../identity/secrets.ts'
import { autosaveInterval, mosquittoConfiguration, securityFile, startScript } from './configuration.ts'
import { initialSecurity } from './initial-security.ts'
import { findMosquitto, mosquittoUser } from './installation.ts'

export interface InitialiseOptions {
  folder: string
  host: string
  port: number
  /** Names for a certificate by the CA in this folder, which is made if it is not there; null for plain TCP. */
  tls: { names: readonly string[]; caFolder: string } | null
  /** ms. */
  now: number
}

/** What was written, and how to go on. */
export interface Initialised {
  folder: string
  version: string
  /** Starts the broker. */
  command: string[]
  passwordFile: string
  caFile: string | null
  /** What a crash can lose, s. */
  autosave: number
}

const administrator = 'sealmq-authority'

/**
 * Writes a configuration of Mosquitto into a new folder: listener, limits, persistence, and the dynamic security plugin with
 * one administrator, whose password only its file holds (mode 0600).
 * @throws StartError `broker-missing`, `broker-too-old`, `broker-without-plugin`, `folder-in-use`, `data-unwritable`, `disk-full`
 */
export async function initialiseMosquitto(options: InitialiseOptions): Promise<Initialised> {
  const folder = resolve(options.folder)
  const { program, plugin, version } = await findMosquitto()
  try {
    const user = await mosquittoUser()
    // What root runs or reads must not be the broker's to write.
    await mkdir(folder, { recursive: true, mode: user ? 0o755 : 0o700 })
    if ((await readdir(folder)).length > 0) {
      throw new StartError('folder-in-use', `${folder} is not empty. Give another --dir; nothing was written.`)
    }
    if (user) {
      // Also under a strict umask.
      await chmod(folder, 0o755)
      await requireWay(folder, user)
    }
    const state = join(folder, 'state')
    const tlsFolder = join(folder, 'tls')
    const passwordFile = join(folder, 'administrator.password')
    const configuration = join(folder, 'mosquitto.conf')
    const initial = join(folder, 'initial-security.json')
    const script = join(folder, 'start.sh')
    const owned = [state, securityFile(state), initial]
    const write = (path: string, text: string, mode = 0o600) => writeFile(path, text, { mode, flag: 'wx' })
    await mkdir(state, { mode: 0o700 })
    let tls: { cert: string; key: string; caFile: string | null } | null = null
    if (options.tls) {
      const { localTls } = await import('../../tls/local-authority.ts')
      const { caFile } = await localTls(tlsFolder, options.tls.names, options.now, options.tls.caFolder)
      tls = { cert: join(tlsFolder, 'server.pem'), key: join(tlsFolder, 'server.key'), caFile }
      owned.push(tlsFolder, tls.cert, tls.key)
    }
    const password = newSecret()
    const security = initialSecurity({ username: administrator, password })
    await write(securityFile(state), security)
    await write(initial, security)
    await write(passwordFile, `${password}\n`)
    const { host, port } = options
    const name = user?.name ?? null
    // Nothing secret is in these.
    const text = mosquittoConfiguration({ folder: state, host, port, tls, plugin, user: name })
    await write(configuration, text, user ? 0o644 : 0o600)
    const files = { configuration, initial, security: securityFile(state) }
    await write(script, startScript({ program, ...files, user: name }), user ? 0o755 : 0o700)
    if (user) {
      await chmod(configuration, 0o644)
      await chmod(script, 0o755)
      for (const path of owned) await chown(path, user.uid, user.gid)
    }
    const command = [script]
    return { folder, version, command, passwordFile, caFile: tls?.caFile ?? null, autosave: autosaveInterval }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof StartError) throw error
    if (code === 'ENOSPC')
      throw new StartError('disk-full', `The disk with ${folder} is full. Make room and try again.`)
    throw new StartError('data-unwritable', `${folder} cannot be written (${code}). Give another --dir.`)
  }
}

// Started by root, Mosquitto becomes another user before it opens its files.
async function requireWay(folder: string, user: { name: string; uid: number; gid: number }): Promise<void> {
  for (let path = folder; ; path = dirname(path)) {
    const { uid, gid, mode } = await stat(path)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) {
      throw new StartError(
        'data-unwritable',
        `The user ${user.name}, as which a Mosquitto that root starts runs, cannot get through ${path}. Give another --dir, or let it through (chmod o+x).`,
      )
    }
    if (path === dirname(path)) return
  }
}
