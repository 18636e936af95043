import type { PublishOptions } from '@sealmq/client'
import { CommandError, exitCodes } from './exit-codes.ts'

type Properties = NonNullable<PublishOptions['properties']>

/** Identifiers that `-D publish` takes, as mosquitto_pub calls them (MQTT 5, 3.3.2.3). */
const identifiers: Record<string, (value: string) => Properties> = {
  'content-type': (value) => ({ contentType: value }),
  'correlation-data': (value) => ({ correlationData: Buffer.from(value) }),
  'message-expiry-interval': (value) => ({ messageExpiryInterval: number(value, 4_294_967_295) }),
  'payload-format-indicator': (value) => ({ payloadFormatIndicator: number(value, 1) === 1 }),
  'response-topic': (value) => ({ responseTopic: value }),
}

/**
 * The properties of messages out of the words of `-D`, which come one after another when it is given several times:
 * `publish content-type text/csv publish user-property unit bar`.
 * @returns undefined when there are none
 * @throws CommandError `usage`
 */
export function readProperties(words: readonly string[]): Properties | undefined {
  if (words.length === 0) return undefined
  const properties: Properties = {}
  const users: Record<string, string | string[]> = Object.create(null)
  const left = [...words]
  const next = () => left.shift() ?? refuse('something is missing at the end')
  while (left.length > 0) {
    const command = next()
    if (command !== 'publish') refuse(`${command} is none of its commands here, which is publish`)
    const identifier = next()
    if (identifier === 'user-property') {
      const name = next()
      const before = users[name]
      const value = next()
      users[name] = before === undefined ? value : [before, value].flat()
      continue
    }
    const read = Object.hasOwn(identifiers, identifier) ? identifiers[identifier] : undefined
    Object.assign(properties, (read ?? refuse(`there is no property ${identifier} of a message`))(next()))
  }
  if (Object.keys(users).length > 0) properties.userProperties = { ...users }
  return properties
}

function number(value: string, largest: number): number {
  if (/^\d+$/.test(value) && Number(value) <= largest) return Number(value)
  return refuse(`${value} is no whole number up to ${largest}`)
}

function refuse(why: string): never {
  const names = [...Object.keys(identifiers), 'user-property'].sort().join(', ')
  throw new CommandError(
    'usage',
    `-D: ${why}. It takes publish IDENTIFIER VALUE (user-property: NAME VALUE), with ${names}.`,
    exitCodes.usage,
  )
}

/** What came with a message by MQTT 5, as JSON with mosquitto_sub's keys; undefined when nothing did. None of it is authenticated. */
export function shownProperties(properties: Properties | undefined): Record<string, unknown> | undefined {
  if (!properties) return undefined
  const { contentType, correlationData, messageExpiryInterval, payloadFormatIndicator, responseTopic } = properties
  const shown = {
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(correlationData === undefined ? {} : { 'correlation-data': Buffer.from(correlationData).toString() }),
    ...(messageExpiryInterval === undefined ? {} : { 'message-expiry-interval': messageExpiryInterval }),
    ...(payloadFormatIndicator === undefined ? {} : { 'payload-format-indicator': Number(payloadFormatIndicator) }),
    ...(responseTopic === undefined ? {} : { 'response-topic': responseTopic }),
    ...(properties.userProperties === undefined
      ? {}
      : {
          'user-properties': Object.entries(properties.userProperties).flatMap(([name, value]) =>
            [value].flat().map((one) => ({ [name]: one })),
          ),
        }),
  }
  return Object.keys(shown).length > 0 ? shown : undefined
}
