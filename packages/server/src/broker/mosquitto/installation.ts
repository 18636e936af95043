import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../authority-error.ts'

/** What of Mosquitto is on this machine. */
export interface Installation {
  program: string
  plugin: string
  version: string
}

const programFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/sbin']
const libraryFolders = ['/usr/lib', '/usr/local/lib', '/opt/homebrew/lib']
const pluginName = 'mosquitto_dynamic_security.so'

/** @throws StartError `broker-missing`, `broker-too-old`, `broker-without-plugin` */
export async function findMosquitto(path = process.env.PATH ?? ''): Promise<Installation> {
  const program = [...path.split(':'), ...programFolders]
    .map((folder) => join(folder, 'mosquitto'))
    .find((candidate) => existsSync(candidate))
  if (!program)
    throw new StartError('broker-missing', 'Mosquitto is not on this machine. Install it (Debian: package mosquitto).')
  // It ends with 1 after its help.
  const { stdout } = await promisify(execFile)(program, ['-h']).catch((error: { stdout?: string }) => error)
  const version = /version (\d+(?:\.\d+)+)/.exec(stdout ?? '')?.[1] ?? '0'
  if (Number(version.split('.')[0]) < 2)
    throw new StartError('broker-too-old', `${program} is version ${version}. Mosquitto 2.0 or newer is needed.`)
  const plugin = libraryFolders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [folder, ...readdirSync(folder).map((name) => join(folder, name))])
    .map((folder) => join(folder, pluginName))
    .find((candidate) => existsSync(candidate))
  if (!plugin)
    throw new StartError('broker-without-plugin', `${pluginName} is not on this machine. Install it beside Mosquitto.`)
  return { program, plugin, version }
}

/** The user that a Mosquitto that root starts becomes; null when there is none, or it is not root who asks. */
export async function mosquittoUser(): Promise<{ name: string; uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null
  const line = /^mosquitto:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8').catch(() => ''))
  return line ? { name: 'mosquitto', uid: Number(line[1]), gid: Number(line[2]) } : null
}
