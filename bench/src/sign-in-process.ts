import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startAuthority } from '@sealmq/server'

// The authority in a process of its own; `begin` and `end` frame what its event loop is watched for.
const port = { host: '127.0.0.1', port: 0 }
const { httpUrl, setupCode, close } = await startAuthority({
  dataDir: process.argv[2]!,
  http: port,
  mqtt: port,
  tls: null,
  store: null,
  allowPlain: false,
  masterKey: null,
  logLevel: 'error',
  name: 'SealMQ bench',
})
// What is recorded includes the resolution itself, ms.
const delay = monitorEventLoopDelay({ resolution: 1 })
process.on('message', (message) => {
  if (message === 'begin') {
    delay.reset()
    delay.enable()
    process.send!('began')
  } else {
    delay.disable()
    process.send!({ p99: delay.percentile(99) / 1e6, longest: delay.max / 1e6 })
  }
})
process.send!({ httpUrl, setupCode })
process.once('disconnect', () => void close().then(() => process.exit()))
