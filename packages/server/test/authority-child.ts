// The authority in a process of its own, for tests that kill it or watch its memory. The parent sends the options.
import { once } from 'node:events'
import { type ServeOptions, StartError, startAuthority } from '../src/index.ts'

process.once('disconnect', () => process.exit(0))
process.on('message', (message) => {
  if (message !== 'live memory') return
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  process.send!({ liveMemory: heapUsed + external })
})
const [options] = (await once(process, 'message')) as [ServeOptions]
try {
  const { httpUrl, mqttUrl, setupCode, caFile } = await startAuthority(options)
  process.send!({ ready: { httpUrl, mqttUrl, setupCode, caFile } })
} catch (error) {
  process.send!({ refused: error instanceof StartError ? `${error.code}: ${error.message}` : String(error) })
}
