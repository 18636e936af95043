/** What is wrong with a broker; those of a start are codes of StartError too. */
export type BrokerErrorCode =
  | 'broker-unreachable'
  | 'broker-refused'
  | 'broker-untrusted'
  | 'broker-too-old'
  | 'broker-without-plugin'
  | 'broker-anonymous'
  | 'broker-away'
  | 'broker-silent'
  | 'broker-command'

/** Why a broker apart does not do what it is told. The message says what to do. */
export class BrokerError extends Error {
  readonly code: BrokerErrorCode
  constructor(code: BrokerErrorCode, message: string) {
    super(message)
    this.name = 'BrokerError'
    this.code = code
  }
}
