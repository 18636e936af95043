import type { Listeners } from '@sealmq/client'
import { connectAsync, fileStorage } from '@sealmq/client/node'
import type { GatewayConfig, GatewayError } from '@sealmq/gateway'
import type { Command } from 'commander'
import { readIdentity, rememberedPath } from '../credentials-file.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { note, print } from '../output.ts'
import { readPassword } from '../password.ts'
import { tokenKeeper } from '../token-keeper.ts'

interface GatewayFlags {
  config?: string
  check?: boolean
  hashPassword?: boolean
  json?: boolean
}

/** gateway: plain MQTT on the machines' side, sealed on the plant's. */
export function gatewayCommand(program: Command): void {
  program
    .command('gateway')
    .description('carry messages between machines that speak plain MQTT and the plant, sealed (docs/gateway.md)')
    .option('--config <file>', 'what goes where: JSON or YAML')
    .option('--check', 'check the file and the rights of this sender, and end')
    .option('--hash-password', 'print a hash of the password on standard input, for passwordHash in the file, and end')
    .option('--json', 'print one line of JSON when ready')
    .action(gateway)
}

async function gateway(flags: GatewayFlags): Promise<void> {
  const { readGatewayConfig, GatewayError, createLogger, Gateway, checkRights, hashPassword } = await import(
    '@sealmq/gateway'
  )
  if (flags.hashPassword) {
    print(await hashPassword(await typedOrPiped()))
    return
  }
  if (flags.config === undefined) throw new CommandError('usage', 'Give --config FILE.', exitCodes.usage)
  const told = (error: unknown) => {
    throw error instanceof GatewayError ? asCommandError(error) : error
  }
  const config = await readGatewayConfig(flags.config).catch(told)
  // The credentials files are found by it.
  if (config.home !== null) process.env.SEALMQ_HOME = config.home
  const connect = await connector(config)
  if (flags.check) {
    const client = await connect({}, 'gateway-check')
    try {
      checkRights(config.rules, client.rights)
    } catch (error) {
      told(error)
    } finally {
      await client.endAsync()
    }
    note(
      `${flags.config} is right: ${config.rules.length} ${config.rules.length === 1 ? 'rule' : 'rules'}, all permitted.`,
    )
    return
  }
  const running = new Gateway({ config, connect: (on) => connect(on), logger: createLogger(config.logLevel) })
  const signal = new Promise<string>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  try {
    const stopped = await Promise.race([running.start().then(() => null), signal])
    if (stopped !== null) return
    if (flags.json) print(JSON.stringify({ event: 'ready', machines: running.address() }))
    else print(`The gateway is ready; machines: ${running.address()}. Ctrl+C stops it.`)
    await Promise.race([signal, running.failed])
  } catch (error) {
    told(error)
  } finally {
    await running.stop()
  }
}

async function typedOrPiped(): Promise<string> {
  if (process.stdin.isTTY) return readPassword(undefined)
  const text = Buffer.concat(await process.stdin.toArray()).toString()
  return text.split(/\r?\n/, 1)[0]!
}

async function connector(config: GatewayConfig) {
  const identity = await readIdentity()
  const keeping = await tokenKeeper(identity)
  return (on: Listeners, clientIdSuffix = 'gateway') =>
    connectAsync({
      identity,
      storage: fileStorage(rememberedPath(identity.sender)),
      ...keeping,
      brokerUrl: config.plantBroker ?? undefined,
      clientIdSuffix,
      // What comes for machines while the gateway is away waits at the plant's broker.
      clean: clientIdSuffix !== 'gateway',
      ...(config.mqtt5 ? { protocolVersion: 5 } : {}),
      on,
    })
}

const notPermitted: readonly string[] = ['rules-not-permitted']
const failures: readonly string[] = ['queue-locked', 'queue-damaged', 'port-in-use', 'address-unusable']

function asCommandError({ code, message }: GatewayError): CommandError {
  const exitCode = notPermitted.includes(code)
    ? exitCodes.notPermitted
    : failures.includes(code)
      ? exitCodes.failure
      : code === 'machines-refused'
        ? exitCodes.brokerUnreachable
        : exitCodes.usage
  return new CommandError(code, message, exitCode)
}
