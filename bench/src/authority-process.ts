import { type RunningAuthority, startAuthority } from '@sealmq/server'

// The authority with its embedded broker, in a process of its own; its data folder is the first argument.
const port = { host: '127.0.0.1', port: 0 }
const authority: RunningAuthority = await startAuthority({
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
const { httpUrl, mqttUrl, setupCode } = authority
process.send!({ httpUrl, mqttUrl, setupCode })
/** µs of processor time since the start, of its event loop and of all its threads. */
process.on('message', () => {
  const sum = ({ user, system }: NodeJS.CpuUsage) => user + system
  process.send!({ eventLoop: sum(process.threadCpuUsage()), all: sum(process.cpuUsage()) })
})
process.once('disconnect', () => void authority.close().then(() => process.exit()))
