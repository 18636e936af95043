import { DeviceListError, readDeviceList as read } from '@sealmq/protocol'
import type { DevicesImport } from '@sealmq/protocol/api'
import { CommandError, exitCodes } from './exit-codes.ts'

/**
 * Devices of a CSV file: the line `name,role`, then one for each; several roles stand with semicolons between.
 * @param path for what is said of faults
 * @throws CommandError `bad-file`
 */
export function readDeviceList(path: string, text: string): DevicesImport['devices'] {
  try {
    return read(text)
  } catch (error) {
    if (!(error instanceof DeviceListError)) throw error
    const sentence = `${path}: line ${error.line}: ${error.message}. Correct it and run this again.`
    throw new CommandError('bad-file', sentence, exitCodes.usage)
  }
}
