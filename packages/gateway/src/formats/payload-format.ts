/** How machines write their payloads. */
export interface PayloadFormat {
  readonly name: 'raw' | 'legacy' | 'sparkplug'
  /**
   * What is sealed of a machine's payload.
   * @throws FormatError
   */
  fromMachine(payload: Uint8Array, topic: string): Uint8Array
  /**
   * What a machine gets of an opened payload.
   * @throws FormatError
   */
  toMachine(payload: Uint8Array, topic: string): Uint8Array
}

/** A payload or topic that is not of its rule's format. The text holds no payload. */
export class FormatError extends Error {}

/** Bytes as they are. */
export const rawFormat: PayloadFormat = {
  name: 'raw',
  fromMachine: (payload) => payload,
  toMachine: (payload) => payload,
}
