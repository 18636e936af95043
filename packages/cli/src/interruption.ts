/** Aborted by Ctrl+C or SIGTERM, for commands that have something to finish; a second one ends the process as usual. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  const interrupt = () => controller.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  return controller.signal
}
