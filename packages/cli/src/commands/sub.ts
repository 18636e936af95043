import type { Listeners } from '@sealmq/client'
import type { Command } from 'commander'
import { type ConnectFlags, connectSender, isFinal } from '../connect.ts'
import { CommandError, describeError, exitCodes } from '../exit-codes.ts'
import { collect, qualityOfService, wholeNumber } from '../flags.ts'
import { asFormat, asJson, asText, gapText, type Line } from '../message-format.ts'
import { note, print } from '../output.ts'

interface SubFlags extends ConnectFlags {
  topic: string[]
  qos: 0 | 1 | 2
  count?: number
  wait?: number
  verbose?: boolean
  format?: string
  json?: boolean
  durable?: boolean
  disableCleanSession?: boolean
  debug?: boolean
}

/** sub: as mosquitto_sub, opened and verified. */
export function subCommand(program: Command): void {
  program
    .command('sub')
    .description('subscribe, open and verify messages (flags as in mosquitto_sub)')
    .requiredOption('-t, --topic <filter>', 'topic filter; may be given several times', collect)
    .option('-q, --qos <0|1|2>', 'quality of service', qualityOfService, 0)
    .option('-C, --count <n>', 'end after so many messages; refused ones do not count', wholeNumber(1, 1_000_000_000))
    .option('-W, --wait <seconds>', 'end after so many seconds (exit code 27)', wholeNumber(1, 86_400 * 365))
    .option('-v, --verbose', 'print the topic before the message')
    .option(
      '-F, --format <format>',
      "mosquitto_sub's %t %p %x %l %q %r %I %U %j …, and %S sender, %E epoch, %V verified; refused ones go to standard error",
    )
    .option('--json', 'one JSON object a line')
    .option('--durable', 'let the broker keep the session and queue messages meanwhile; needs -i')
    .option('-c, --disable-clean-session', "the same, by mosquitto_sub's name")
    .option('-d, --debug', 'say on standard error when the connection or a subscription changes')
    .option('--broker <url>', "another broker than the authority's, for example mqtt://127.0.0.1:1883")
    .option('-i, --id <suffix>', 'suffix of the client id')
    .option('--mqtt5', 'speak MQTT 5 (where the broker has it)')
    .action(subscribe)
}

async function subscribe(flags: SubFlags): Promise<void> {
  const durable = flags.durable || flags.disableCleanSession
  if (durable && flags.id === undefined) {
    throw new CommandError(
      'usage',
      'A session that the broker keeps needs -i: without it each start has a client id of its own.',
      exitCodes.usage,
    )
  }
  let printed = 0
  let connected = false
  const ended = Promise.withResolvers<number>()
  const show = (line: Line) => {
    if (flags.count !== undefined && printed >= flags.count) return
    if (flags.json) print(asJson(line))
    else if (flags.format === undefined) print(asText(line, flags.verbose ?? false))
    // A format has no place for the mark of a refusal: beside the output nobody takes it for a message.
    else if (line.rejection) note(`sealmq: ${asText(line, true)}`)
    else print(asFormat(flags.format, line))
    if (line.sealed && ++printed === flags.count) ended.resolve(exitCodes.ok)
  }
  const debug = (text: string) => (flags.debug ? note(text) : undefined)
  const on: Listeners = {
    message: (topic, payload, packet, sealed) =>
      show({ topic, payload, packet, sealed, rejection: null, receivedAt: new Date() }),
    rejected: (rejection) => {
      const { topic, packet } = rejection
      show({ topic, payload: Buffer.from(packet.payload), packet, sealed: null, rejection, receivedAt: new Date() })
    },
    gap: (report) => note(gapText(report)),
    narrowed: (requested, filters) =>
      note(`sealmq: ${requested} is cut to what is granted: ${filters.join(' ') || 'nothing'} [narrowed]`),
    authority: (state) => {
      // Before that, nothing goes on: the command ends and says why.
      if (state === 'away' && connected)
        note('sealmq: the authority is away; going on with the keys at hand [authority-away]')
    },
    close: () => debug('sealmq: the connection to the broker is closed [disconnected]'),
    connect: () => debug('sealmq: connected again [connected]'),
    error: (error) => {
      const { message, code, exitCode } = describeError(error)
      note(`sealmq: ${message} [${code}]`)
      if (isFinal(error)) ended.resolve(exitCode)
    },
  }
  const interrupted = () => ended.resolve(exitCodes.ok)
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  const timer = flags.wait === undefined ? null : setTimeout(() => ended.resolve(exitCodes.timeout), flags.wait * 1000)
  const client = await connectSender(flags, durable ? { clean: false, on } : { on })
  connected = true
  try {
    const granted = await client.subscribeAsync(flags.topic, { qos: flags.qos })
    if (flags.debug) for (const { filters } of granted) note(`sealmq: subscribed to ${filters.join(' ')} [subscribed]`)
    process.exitCode = await ended.promise
  } finally {
    if (timer) clearTimeout(timer)
    await client.endAsync()
  }
}
