import type { Command } from 'commander'
import { CommandError } from '../exit-codes.ts'
import { note, print } from '../output.ts'

interface BackupFlags {
  data: string
  withMasterKey?: boolean
  json?: boolean
}

const defaultData = process.env.SEALMQ_DATA ?? './sealmq-data'

/** backup and restore: the store of an authority, also while it runs. */
export function backupCommands(program: Command): void {
  program
    .command('backup <folder>')
    .description('copy the authority’s store into a new folder, also while it runs')
    .option('--data <folder>', 'data folder of the authority', defaultData)
    .option('--with-master-key', 'with the master key and TLS keys: such a backup opens everything, keep it as safe')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nMessages that the broker keeps (retained, queued) are not part of it.\nA PostgreSQL store is backed up with pg_dump, and master.key with it.',
    )
    .action(async (to: string, { data, withMasterKey = false, json }: BackupFlags) => {
      const { backUp } = await server()
      const description = await backUp(data, to, withMasterKey, Date.now).catch(asCommandError)
      if (json) print(JSON.stringify({ folder: to, ...description }))
      else {
        note(`Backup of ${description.deployment} in ${to}.`)
        if (!withMasterKey)
          note('The master key is not in it: without it the backup is of no use. Keep a copy elsewhere.')
      }
    })
  program
    .command('restore <folder>')
    .description('make a data folder from a backup')
    .option('--data <folder>', 'data folder to make; empty or new', defaultData)
    .option('--json', 'print JSON')
    .action(async (from: string, { data, json }: BackupFlags) => {
      const { restoreBackup } = await server()
      const description = await restoreBackup(from, data, Date.now).catch(asCommandError)
      if (json) print(JSON.stringify({ data, ...description }))
      else {
        note(`${data} holds ${description.deployment} as it was at ${new Date(description.madeAt).toISOString()}.`)
        if (!description.masterKey)
          note(`Put the master key there as master.key, or give SEALMQ_MASTER_KEY, before sealmq serve --data ${data}.`)
        note('Whoever was removed after that time is a member again: remove them anew. People must sign in again.')
      }
    })
}

const server = () => import('@sealmq/server')

async function asCommandError(error: unknown): Promise<never> {
  const { StartError } = await server()
  throw error instanceof StartError ? new CommandError(error.code, error.message) : error
}
