/** A message of a machine, as it came. */
export interface MachineMessage {
  topic: string
  payload: Uint8Array
  retain: boolean
}

/** A message for machines. */
export interface ForMachines extends MachineMessage {
  qos: 0 | 1
  /** Monotonic, ms, after which it must not be handed to a machine any more; null: whenever. */
  deadline: number | null
}

/**
 * Takes a machine's message. Resolves when it may be acknowledged: it is on disk, or nobody wants it.
 * Rejects when it must not be: the machine is to keep it.
 */
export type Intake = (message: MachineMessage) => Promise<void>

/** The side of the machines: a listener of our own, or their broker. */
export interface MachineSide {
  /** @throws GatewayError `port-in-use`, `address-unusable`, `machines-refused` */
  start(intake: Intake): Promise<void>
  /** Hands a message over; calls back once with whether it was. Never throws. */
  deliver(message: ForMachines, done: (delivered: boolean) => void): void
  /** No more messages are taken or delivered. */
  stop(): Promise<void>
  /** For people: where it is. */
  address(): string
}
