import { readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { type ConnectFlags, connectSender } from '../connect.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { qualityOfService, wholeNumber } from '../flags.ts'
import { linesOf } from '../lines.ts'
import { readProperties } from '../mqtt-properties.ts'
import { note } from '../output.ts'

interface PubFlags extends ConnectFlags {
  topic: string
  message?: string
  file?: string
  stdinFile?: boolean
  stdinLine?: boolean
  nullMessage?: boolean
  qos: 0 | 1 | 2
  retain?: boolean
  repeat: number
  interval: number
  contentType?: string
  ttl?: number
  property?: string[]
  quiet?: boolean
}

/** pub: as mosquitto_pub, sealed. */
export function pubCommand(program: Command): void {
  program
    .command('pub')
    .description('seal messages and publish them (flags as in mosquitto_pub)')
    .requiredOption('-t, --topic <topic>', 'topic to publish on')
    .option('-m, --message <text>', 'the message')
    .option('-f, --file <file>', "send a file's content")
    .option('-s, --stdin-file', 'send all of standard input as one message')
    .option('-l, --stdin-line', 'send each line of standard input as a message')
    .option('-n, --null-message', 'send an empty message; with -r, take the retained one away')
    .option('-q, --qos <0|1|2>', 'quality of service', qualityOfService, 0)
    .option('-r, --retain', 'the broker keeps it as the last one of its topic')
    .option('--repeat <n>', 'send it so often', wholeNumber(1, 1_000_000_000), 1)
    .option('--interval <ms>', 'between repeats, ms', wholeNumber(0, 86_400_000), 0)
    .option('--content-type <type>', 'MIME type, sealed with the message')
    .option('--ttl <seconds>', 'refused by receivers when older', wholeNumber(1, 4_294_967_295))
    .option('--broker <url>', "another broker than the authority's, for example mqtt://127.0.0.1:1883")
    .option('-i, --id <suffix>', 'suffix of the client id')
    .option('--mqtt5', 'speak MQTT 5 (where the broker has it)')
    .option(
      '-D, --property <publish identifier value...>',
      'MQTT 5 property, readable by the broker: content-type, correlation-data, message-expiry-interval, payload-format-indicator, response-topic, user-property NAME VALUE',
    )
    .option('--quiet', 'say nothing when it went well')
    .action(publish)
}

async function publish(flags: PubFlags): Promise<void> {
  const messages = source(flags)
  const properties = readProperties(flags.property ?? [])
  if (properties && !flags.mqtt5) throw new CommandError('usage', '-D needs --mqtt5.', exitCodes.usage)
  const client = await connectSender(flags)
  let sent = 0
  try {
    client.check(flags.topic)
    if (flags.nullMessage && flags.retain) {
      await client.clearRetainedAsync(flags.topic, { qos: flags.qos })
      if (!flags.quiet) note('The retained message is taken away.')
      return
    }
    for await (const payload of messages) {
      await client.publishAsync(flags.topic, payload, {
        qos: flags.qos,
        retain: flags.retain ?? false,
        ...(flags.contentType === undefined ? {} : { contentType: flags.contentType }),
        ...(flags.ttl === undefined ? {} : { timeToLive: flags.ttl }),
        ...(properties ? { properties } : {}),
      })
      sent++
    }
  } finally {
    await client.endAsync()
  }
  if (!flags.quiet)
    note(
      `${sent} ${sent === 1 ? 'message' : 'messages'} sealed and ${flags.qos === 0 ? 'sent' : 'taken by the broker'}.`,
    )
}

function source(flags: PubFlags): AsyncIterable<string | Uint8Array> {
  const given = [
    flags.message !== undefined,
    flags.file !== undefined,
    flags.stdinFile,
    flags.stdinLine,
    flags.nullMessage,
  ]
  if (given.filter(Boolean).length !== 1) {
    throw new CommandError('usage', 'Give exactly one of -m, -f, -s, -l and -n.', exitCodes.usage)
  }
  // Standard input is first touched when the first line is asked for, after the connection: none is read before somebody listens.
  if (flags.stdinLine) return standardInputLines()
  return repeated(flags)
}

async function* standardInputLines(): AsyncIterable<Uint8Array> {
  yield* linesOf(process.stdin as AsyncIterable<Buffer>)
}

async function* repeated(flags: PubFlags): AsyncIterable<string | Uint8Array> {
  const payload = await onePayload(flags)
  for (let round = 0; round < flags.repeat; round++) {
    if (round > 0 && flags.interval > 0) await setTimeout(flags.interval)
    yield payload
  }
}

async function onePayload(flags: PubFlags): Promise<string | Uint8Array> {
  if (flags.message !== undefined) return flags.message
  if (flags.nullMessage) return ''
  if (flags.file === undefined) return Buffer.concat(await process.stdin.toArray())
  return readFile(flags.file).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('file', `${flags.file} cannot be read (${error.code}).`, exitCodes.usage)
  })
}
