import { ClientError, EnvelopeOpener, isRefusal } from '@sealmq/client'
import { fileStorage } from '@sealmq/client/node'
import { nodeCryptography } from '@sealmq/protocol/node'
import { type Command, Option } from 'commander'
import { readIdentity, rememberedPath } from '../credentials-file.ts'
import { type EnvelopeFormat, envelopeFormats, maximumLineLength, readEnvelopeLine } from '../envelope-line.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { linesOf } from '../lines.ts'
import { asFormat, asJson, asText, gapText, type Line } from '../message-format.ts'
import { authorityOptions } from '../open-authority.ts'
import { note, print } from '../output.ts'
import { plainText } from '../plain-text.ts'
import { tokenKeeper } from '../token-keeper.ts'

interface OpenFlags {
  topic?: string
  input?: EnvelopeFormat
  verbose?: boolean
  format?: string
  json?: boolean
}

/** open: a stream of another program's, opened and verified. */
export function openCommand(program: Command): void {
  program
    .command('open')
    .description("open and verify what another program has received: mosquitto_sub … -F '%t %x' | sealmq open")
    .addOption(
      new Option(
        '-I, --input <format>',
        "what mosquitto_sub's -F was: %t topic, %x envelope in hexadecimal, %r retained (default: '%t %x'; with -t '%x')",
      ).choices(envelopeFormats),
    )
    .option('-t, --topic <topic>', 'the topic of all of them, when the lines have none')
    .option('-v, --verbose', 'print the topic before the message')
    .option('-F, --format <format>', 'as sealmq sub -F')
    .option('--json', 'one JSON object a line, as sealmq sub --json')
    .addHelpText(
      'after',
      `
Opens with the keys of this installation, which the authority must give now. Checked as by sealmq sub: envelope, sender,
signature, right to publish, time to live, and that nothing comes twice in this run.
Not checked: what earlier runs or sealmq sub have seen; nothing is remembered, so that looking takes nothing from
them. What is older than its channel's maximum age is refused [stale], as by every new subscriber, and so is a recording of long ago.
Without %r nothing tells that a message is a retained one: a kept command then passes as a live one until it is too old.
Without the DUP flag, what the broker delivers twice is refused the second time [replayed].

Messages go to standard output; what is refused, with its line and code, to standard error. A line of another form is left out and told
[bad-line]; the command then ends with 1. Otherwise it ends with 0, whatever was refused. Exit codes else as everywhere.`,
    )
    .action(openStream)
}

async function openStream(flags: OpenFlags): Promise<void> {
  const format = flags.input ?? (flags.topic === undefined ? '%t %x' : '%x')
  if (format.includes('%t') === (flags.topic !== undefined)) {
    const usage = 'Say where the topic is: -t TOPIC, or %t in --input, and not both.'
    throw new CommandError('usage', usage, exitCodes.usage)
  }
  const identity = await readIdentity()
  const opener = await EnvelopeOpener.start({
    identity,
    ...(await tokenKeeper(identity)),
    cryptography: nodeCryptography,
    fetch: authorityOptions(identity.authority, identity.ca).fetch,
    storage: fileStorage(rememberedPath(identity.sender)),
    authority: (state) => {
      if (state === 'away') note('sealmq: the authority is away; going on with the keys at hand [authority-away]')
    },
  })
  let interrupted = false
  const interrupt = () => {
    interrupted = true
    process.stdin.destroy()
  }
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  let number = 0
  let bad = 0
  try {
    for await (const bytes of linesOf(process.stdin as AsyncIterable<Buffer>, maximumLineLength)) {
      number++
      const line = readEnvelopeLine(bytes, format, flags.topic ?? '')
      if (typeof line === 'string') {
        bad++
        note(`sealmq: line ${number} ${line}; it is left out [bad-line]`)
      } else if (line.envelope.length > 0) await openLine(opener, line, number, flags)
    }
  } catch (error) {
    if (!interrupted) throw error
  } finally {
    await opener.end()
  }
  if (bad > 0) {
    const what = bad === 1 ? '1 line was' : `${bad} lines were`
    throw new CommandError('bad-line', `${what} no message. Check that --input is what mosquitto_sub's -F was.`)
  }
}

async function openLine(
  opener: EnvelopeOpener,
  { topic, envelope, retained }: Exclude<ReturnType<typeof readEnvelopeLine>, string>,
  number: number,
  flags: OpenFlags,
): Promise<void> {
  try {
    const sealed = await opener.open(topic, envelope, { retained })
    if (sealed.repeat) return
    if (sealed.gap) note(plainText(gapText({ ...sealed, ...sealed.gap })))
    // The quality of service did not come along.
    const packet = { qos: null, retain: retained }
    show({ topic, payload: sealed.payload, packet, sealed, rejection: null, receivedAt: new Date() }, flags)
  } catch (error) {
    if (error instanceof ClientError || !isRefusal(error)) throw error
    note(`sealmq: line ${number}: ${plainText(`${topic} [REJECTED ${error.code}] ${error.message}`)}`)
  }
}

function show(line: Line, { json, format, verbose = false }: OpenFlags): void {
  if (json) print(asJson(line))
  else print(format === undefined ? asText(line, verbose) : asFormat(format, line))
}
