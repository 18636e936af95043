import { StartError } from '../../authority-error.ts'
import { isLoopback } from '../../loopback.ts'
import type { MosquittoAddress } from './control-connection.ts'
import { observerName } from './security-state.ts'

/** A broker apart, as it was set. */
export interface BrokerSetting {
  address: MosquittoAddress
  /** How clients reach it; null: as the authority does. */
  publicUrl: string | null
  /** Starts also while it is away. */
  wait: boolean
  allowAnonymous: boolean
  /** Clients, groups and roles that the authority does not know are taken away. */
  exclusive: boolean
  /** What differs at a start is reported and left. */
  reportOnly: boolean
}

export interface BrokerFlags {
  /** `mosquitto://HOST[:PORT]` or `mosquittos://HOST[:PORT]`; null: the embedded broker. */
  broker: string | null
  brokerUser: string
  /** The content of the password file. */
  brokerPassword: string | null
  /** PEM. */
  brokerCa: string | null
  brokerUrl: string | null
  brokerWait: boolean
  brokerAllowAnonymous: boolean
  brokerExclusive: boolean
  brokerReportOnly: boolean
  /** Plain transport also beyond loopback. */
  allowPlain: boolean
}

/**
 * Which broker to govern, or null for the embedded one.
 * @throws StartError `bad-setting`, `plain-refused`
 */
export function readBrokerSetting(flags: BrokerFlags): BrokerSetting | null {
  const { broker, brokerPassword, brokerUrl } = flags
  if (broker === null) {
    const alone = brokerPassword !== null || brokerUrl !== null || flags.brokerWait || flags.brokerCa !== null
    if (alone) throw bad('Settings of a broker are of no use without --broker mosquitto://HOST:PORT. Add it.')
    return null
  }
  // The text itself is not repeated: it may hold a password.
  if (broker.includes('@'))
    throw bad('--broker has a user in it, which others can read. Use --broker-user and --broker-password-file.')
  const parts = /^(mosquittos?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?\/?$/i.exec(broker)
  const [, scheme = '', host = '', given] = parts ?? []
  const tls = scheme.toLowerCase() === 'mosquittos'
  const port = given === undefined ? (tls ? 8883 : 1883) : Number(given)
  if (!parts || port < 1 || port > 65_535)
    throw bad('--broker takes mosquitto://HOST[:PORT], or mosquittos://HOST[:PORT] for TLS. Correct it.')
  const password = brokerPassword?.replace(/\r?\n[\s\S]*$/, '') ?? ''
  if (password === '') throw bad('--broker needs the administrator’s password in --broker-password-file. Add it.')
  if (flags.brokerUser === observerName)
    throw bad(
      `--broker-user ${observerName} is the name of the client that the authority makes there. Take another administrator.`,
    )
  const address = { host: host.replace(/^\[|\]$/g, ''), port, tls, ca: flags.brokerCa }
  if (!tls && !isLoopback(address.host) && !flags.allowPlain) {
    throw new StartError(
      'plain-refused',
      `--broker ${address.host} would be told the senders’ passwords over the network in the clear. Use mosquittos://, or --allow-plain.`,
    )
  }
  if (brokerUrl !== null && !/^mqtts?:\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(brokerUrl))
    throw bad('--broker-url takes mqtt://HOST:PORT or mqtts://HOST:PORT, as clients reach the broker. Correct it.')
  return {
    address: { ...address, username: flags.brokerUser, password },
    publicUrl: brokerUrl,
    wait: flags.brokerWait,
    allowAnonymous: flags.brokerAllowAnonymous,
    exclusive: flags.brokerExclusive,
    reportOnly: flags.brokerReportOnly,
  }
}

const bad = (message: string) => new StartError('bad-setting', message)
