import type { DevicesImport } from '@sealmq/protocol/api'
import { CommandError, exitCodes } from './exit-codes.ts'

/** Most devices in one import. */
const mostDevices = 10_000
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * Devices of a CSV file: the line `name,role`, then one for each; several roles stand with semicolons between.
 * @param path for what is said of faults
 * @throws CommandError `bad-file`
 */
export function readDeviceList(path: string, text: string): DevicesImport['devices'] {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const fault = (line: number, text: string) =>
    new CommandError('bad-file', `${path}: line ${line}: ${text}. Correct it and run this again.`, exitCodes.usage)
  if (cellsOf(head).join(',').toLowerCase() !== 'name,role') throw fault(1, 'it is not the head name,role')
  const seen = new Set<string>()
  const devices: DevicesImport['devices'] = []
  for (const [index, content] of lines.entries()) {
    if (content.trim() === '') continue
    const line = index + 2
    const [name = '', role = '', ...more] = cellsOf(content)
    const roles = role
      .split(';')
      .map((one) => one.trim())
      .filter(Boolean)
    if (more.length > 0 || roles.length === 0) throw fault(line, 'it is not name,role')
    if (!namePattern.test(name)) {
      throw fault(line, `${name} is no name of a device (up to 64 letters, digits, dots, dashes and underscores)`)
    }
    if (seen.has(name.toLowerCase())) throw fault(line, `${name} is there twice`)
    seen.add(name.toLowerCase())
    devices.push({ name, roles, line })
    if (devices.length > mostDevices) throw fault(line, `one import takes ${mostDevices} devices`)
  }
  if (devices.length === 0) throw fault(2, 'there are no devices')
  return devices
}

const cellsOf = (line: string) => line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
