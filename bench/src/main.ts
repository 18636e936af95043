import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { auditLogBars, measureAuditLog } from './audit-log.ts'
import { auditBars, measureAudit } from './audit-messages.ts'
import { type Bar, checkBars } from './bars.ts'
import { type Running, startAuthorityProcess, startMosquitto } from './brokers.ts'
import { type Cell, type Comparison, compareVariants } from './compare.ts'
import { gatewayBars, gatewayTable, measureGateway } from './gateway.ts'
import type { MicroOrder, MicroResult } from './micro.ts'
import { measureSignIn, signInBars } from './sign-in.ts'
import { rounded, table } from './table.ts'
import { type PeerSettings, type Qos, type Variant, variants } from './variants.ts'

const help = `npm run bench [-- flags]

Compares plain MQTT.js, SealMQ unsigned and signed, and the original's construction, on Mosquitto and on the
embedded broker; publisher and subscriber are processes of their own. Ends with 1 when a bar is missed.

  --broker NAME    mosquitto or embedded (default both)
  --sizes LIST     bytes, at least 8 (default 64,256,4096)
  --qos LIST       0, 1 or both (default 0,1)
  --rounds N       rounds, each with every variant (default 5)
  --seconds S      of publishing for one figure (default 1)
  --micro          only what sealing and opening cost
  --gateway        only how much a gateway takes from machines, seals and forwards
  --sign-in        only how fast people sign in, and what that costs the event loop
  --audit-messages only what recording every message costs the embedded broker, and whether it keeps up
  --audit-log      only what the audit log costs: appending, verifying a million records
  --quick          one short round of the main case
  --json FILE      where the figures go (default bench/results/TIME.json)
  --help`

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    sizes: { type: 'string', default: '64,256,4096' },
    qos: { type: 'string', default: '0,1' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '1' },
    micro: { type: 'boolean', default: false },
    gateway: { type: 'boolean', default: false },
    'sign-in': { type: 'boolean', default: false },
    'audit-messages': { type: 'boolean', default: false },
    'audit-log': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(help)
  process.exit()
}
const numbers = (text: string) => text.split(',').map(Number)
const sizes = values.quick ? [256] : numbers(values.sizes)
const qualities = (values.quick ? [1] : numbers(values.qos)) as Qos[]
const brokers = values.broker ? [values.broker] : values.quick ? ['mosquitto'] : ['mosquitto', 'embedded']
const rounds = values.quick ? 1 : Number(values.rounds)
const duration = (values.quick ? 0.5 : Number(values.seconds)) * 1000
const isRight =
  [...sizes, rounds, duration].every((number) => number > 0) &&
  sizes.every((size) => size >= 8) &&
  qualities.every((qos) => qos === 0 || qos === 1) &&
  brokers.every((broker) => broker === 'mosquitto' || broker === 'embedded')
if (!isRight) {
  console.error(`These flags cannot be used.\n\n${help}`)
  process.exit(2)
}

const barTable = (bars: readonly Bar[]) =>
  table(
    ['bar', 'wanted', 'measured', ''],
    bars.map(({ what, wanted, measured, met }) => [what, wanted, rounded(measured), met ? 'met' : 'MISSED']),
  )
if (values['sign-in']) {
  const figures = await measureSignIn()
  const bars = signInBars(figures)
  console.log(`${barTable(bars)}\n`)
  console.log(`${figures.logins} logins, ${figures.parallel} at once; longest delay ${rounded(figures.longest)} ms`)
  process.exit(bars.every(({ met }) => met) ? 0 : 1)
}
if (values['audit-messages']) {
  const figures = await measureAudit({ rounds, duration, progress: (text) => process.stderr.write(`… ${text}\n`) })
  const bars = auditBars(figures)
  console.log(
    `${table(['audit', 'messages/s', 'to off', 'from', 'to', 'loop µs', 'all µs', 'at 3000/s: rate', 'p50 ms', 'p99 ms'], figures.rows)}\n`,
  )
  console.log(barTable(bars))
  process.exit(bars.every(({ met }) => met) ? 0 : 1)
}

if (values['audit-log']) {
  const figures = await measureAuditLog((text) => process.stderr.write(`… ${text}\n`))
  const bars = auditLogBars(figures)
  console.log(`${barTable(bars)}\n`)
  console.log(figures.appends.map(({ engine, size }) => `${engine}: ${rounded(size)} bytes a record`).join('; '))
  process.exit(bars.every(({ met }) => met) ? 0 : 1)
}

if (values.gateway) {
  const figures = await measureGateway(Number(values.seconds) * 1000, rounds)
  const bars = gatewayBars(figures)
  console.log(`${barTable(bars)}\n`)
  console.log(gatewayTable(figures))
  process.exit(bars.every(({ met }) => met) ? 0 : 1)
}

const started: Running[] = []
const stopAll = async () => {
  for (const running of started.splice(0).reverse()) await running.stop()
}
process.once('SIGINT', () => void stopAll().then(() => process.exit(130)))

/** Figures of Node's back end, in a process of its own. */
function measureMicro(order: MicroOrder): Promise<MicroResult[]> {
  const child = fork(fileURLToPath(new URL('./micro.ts', import.meta.url)))
  return new Promise((resolve, reject) => {
    child.once('message', (results) => resolve(results as MicroResult[]))
    child.once('exit', (code) => reject(new Error(`the micro-benchmark ended with ${code}`)))
    child.send(order)
  })
}

try {
  const progress = (text: string) => process.stderr.write(`… ${text}\n`)
  const authority = await startAuthorityProcess()
  started.push(authority)
  const { publisher, subscriber } = authority
  progress('seal, open, decode')
  const micro = await measureMicro({ publisher, subscriber, sizes, batchSize: 2000 })
  const comparisons: Comparison[] = []
  let mosquittoVersion: string | null = null
  const originalKeys = { aes: randomBytes(16).toString('base64'), hmac: randomBytes(32).toString('base64') }
  for (const broker of values.micro ? [] : brokers) {
    let brokerUrl = authority.mqttUrl
    if (broker === 'mosquitto') {
      const mosquitto = await startMosquitto()
      started.push(mosquitto)
      brokerUrl = mosquitto.url
      mosquittoVersion = mosquitto.version
    }
    const cells: Cell[] = sizes.flatMap((size) => qualities.map((qos) => ({ broker, size, qos })))
    const settingsOf = (identity: typeof publisher) =>
      Object.fromEntries(
        variants.map((variant) => [variant, { variant, brokerUrl, identity, originalKeys }]),
      ) as Record<Variant, PeerSettings>
    comparisons.push(
      ...(await compareVariants({
        cells,
        settings: settingsOf(publisher),
        subscriberSettings: settingsOf(subscriber),
        rounds,
        rateDuration: duration,
        latencyDuration: duration,
        progress,
      })),
    )
  }
  const bars = checkBars(comparisons, micro)
  const machine = {
    processor: cpus()[0]?.model,
    cores: cpus().length,
    node: process.version,
    mosquitto: mosquittoVersion,
  }
  const file =
    values.json ??
    fileURLToPath(new URL(`../results/${new Date().toISOString().replaceAll(':', '-')}.json`, import.meta.url))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(
    file,
    `${JSON.stringify({ machine, rounds, secondsPerFigure: duration / 1000, comparisons, micro, bars }, null, 2)}\n`,
  )

  if (comparisons.length > 0) {
    console.log(
      table(
        [
          'broker',
          'bytes',
          'QoS',
          'variant',
          'messages/s',
          'to plain',
          'from',
          'to',
          'p50 ms',
          'p99 ms',
          'p99 to plain',
          'carried',
          'pub µs',
          'sub µs',
        ],
        comparisons.map((one) => [
          one.broker,
          one.size,
          one.qos,
          one.variant,
          one.rate,
          one.rateRatio.median,
          one.rateRatio.minimum,
          one.rateRatio.maximum,
          one.p50,
          one.p99,
          one.p99Ratio.median,
          one.carried,
          one.publisherCpu,
          one.subscriberCpu,
        ]),
      ),
    )
    console.log('')
  }
  console.log(
    table(
      ['variant', 'bytes', 'AES alone µs', 'seal µs', 'open µs', 'decode µs', 'overhead'],
      micro.map((one) => [one.variant, one.size, one.aes, one.seal, one.open, one.decode, one.overhead]),
    ),
  )
  console.log('')
  console.log(barTable(bars))
  console.log(
    `\n${machine.processor}, ${machine.cores} cores, Node ${machine.node}, Mosquitto ${mosquittoVersion ?? '-'}; figures in ${file}`,
  )
  if (bars.some(({ met }) => !met)) process.exitCode = 1
} finally {
  await stopAll()
}
