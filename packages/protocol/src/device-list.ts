/** A device that is to be made, and where it stands in the file. */
export interface ListedDevice {
  name: string
  roles: string[]
  line: number
}

/** Why a list of devices was not taken: the line, from 1, and a fault without a full stop. */
export class DeviceListError extends Error {
  readonly line: number

  constructor(line: number, fault: string) {
    super(fault)
    this.name = 'DeviceListError'
    this.line = line
  }
}

/** Most devices in one import. */
const mostDevices = 10_000
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * Devices of a CSV file: the line `name,role`, then one for each; several roles stand with semicolons between.
 * @throws DeviceListError
 */
export function readDeviceList(text: string): ListedDevice[] {
  const [head = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (cellsOf(head).join(',').toLowerCase() !== 'name,role') {
    throw new DeviceListError(1, 'it is not the head name,role')
  }
  const seen = new Set<string>()
  const devices: ListedDevice[] = []
  for (const [index, content] of lines.entries()) {
    if (content.trim() === '') continue
    const line = index + 2
    const [name = '', role = '', ...more] = cellsOf(content)
    const roles = role
      .split(';')
      .map((one) => one.trim())
      .filter(Boolean)
    if (more.length > 0 || roles.length === 0) throw new DeviceListError(line, 'it is not name,role')
    if (!namePattern.test(name)) {
      throw new DeviceListError(
        line,
        `${name} is no name of a device (up to 64 letters, digits, dots, dashes and underscores)`,
      )
    }
    if (seen.has(name.toLowerCase())) throw new DeviceListError(line, `${name} is there twice`)
    seen.add(name.toLowerCase())
    devices.push({ name, roles, line })
    if (devices.length > mostDevices) throw new DeviceListError(line, `one import takes ${mostDevices} devices`)
  }
  if (devices.length === 0) throw new DeviceListError(2, 'there are no devices')
  return devices
}

const cellsOf = (line: string) => line.split(',').map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
