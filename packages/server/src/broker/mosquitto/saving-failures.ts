/** What the broker writes into its log when it cannot keep what it must, in Mosquitto 2.0. */
const rightsUnsaved = /^Error (?:saving Dynamic security plugin config|updating dynsec config file)/
const stateUnsaved =
  /^Error(?: saving in-memory database|: (?:No space left on device|File too large|Disk quota exceeded|Read-only file system|Input\/output error))/

/**
 * A sentence for a line of Mosquitto's log that tells that it could not save its rights, or what it keeps (retained messages,
 * sessions, queues); null for other lines. Pure.
 * @param line without its time
 */
export function savingFailure(line: string): string | null {
  const said = line.trim()
  if (rightsUnsaved.test(said))
    return `The broker could not save its rights, and would not have them after a restart: ${said}`
  if (stateUnsaved.test(said))
    return `The broker could not save what it keeps, and a restart would lose it: ${said} Make room on its disk, then run sealmq broker reconcile: its file of rights may be cut off too.`
  return null
}
