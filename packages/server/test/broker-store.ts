import { ClassicLevel } from 'classic-level'

/** Everything that the embedded broker has stored, keys and values; its authority must not run. */
export async function storedByBroker(folder: string): Promise<{ keys: string[]; values: Buffer[] }> {
  const database = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' })
  const rows = await database.iterator().all()
  await database.close()
  return { keys: rows.map(([key]) => key), values: rows.map(([, value]) => value) }
}
