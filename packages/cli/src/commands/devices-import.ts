import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { AuthorityError } from '@sealmq/client'
import type { DevicesImport, DeviceTicket } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { readDeviceList } from '../device-list.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { minuteOf, note, print } from '../output.ts'
import { ticketMaker } from '../ticket-maker.ts'

interface ImportFlags {
  file: string
  out?: string
  server?: string
}

/** Ten thousand take the authority some seconds, ms: whoever gives up before has devices without tickets. */
const patience = 300_000

/** devices import: many at once. */
export function deviceImportCommand(devices: Command): void {
  devices
    .command('import')
    .description('make the devices of a CSV file, all or none, and their tickets')
    .requiredOption('--file <csv>', 'the line name,role, then one for each device; roles with semicolons between')
    .option('--out <file>', 'write the tickets there (name,ticket), readable by you only; without it they are printed')
    .option('--server <url>', 'the authority as the devices reach it; without it, as you do')
    .action(importDevices)
}

async function importDevices({ file, out, server }: ImportFlags): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('file', `${file} cannot be read (${error.code}).`, exitCodes.usage)
  })
  const devices = readDeviceList(file, text)
  const authority = await signedInAuthority(patience)
  const write = await ticketMaker(authority, server)
  // Made before the devices are: tickets are told once.
  const target = out === undefined ? null : { path: out, handle: await create(out) }
  try {
    const made = await authority.request<DeviceTicket[]>('POST', routes.devicesImport, {
      devices,
    } satisfies DevicesImport)
    const rows = ['name,ticket', ...made.map((ticket) => `${ticket.name},${write(ticket)}`)]
    if (target === null) for (const row of rows) print(row)
    else await target.handle.writeFile(`${rows.join('\n')}\n`)
    note(
      `${made.length} devices made. Their tickets are good once until ${minuteOf(made[0]!.expiresAt)} UTC; sealmq devices ticket NAME gives a new one.`,
    )
  } catch (error) {
    if (target !== null) await rm(target.path, { force: true })
    if (error instanceof AuthorityError && /^line \d+: /.test(error.message)) {
      throw new CommandError(error.code, `${file}: ${error.message} Nothing was made.`)
    }
    throw error
  } finally {
    await target?.handle.close()
  }
}

function create(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(
      'file',
      error.code === 'EEXIST'
        ? `--out ${path} is there already. Remove it, or name another.`
        : `--out ${path} cannot be written (${error.code}).`,
      exitCodes.usage,
    )
  })
}
