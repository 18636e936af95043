/** A machine's message as it waits to be sealed. */
export interface KeptMessage {
  /** On the plant's side. */
  topic: string
  payload: Uint8Array
  retain: boolean
  /** Seconds, or null. */
  timeToLive: number | null
  contentType: string | null
}

/** When a message came, by two clocks: the wall clock alone outlives a process, and may be set meanwhile. */
export interface Arrival {
  /** Wall clock, ms. */
  wall: number
  /** Monotonic, ms, of the process `run`. */
  monotonic: number
  run: string
}

/** What the head of a stored message holds, under short names. */
interface Head {
  t: string
  r?: 1
  l?: number
  c?: string
  w: number
  m: number
  u: string
}

const headLength = 4

/** Length of the head ‖ head in JSON ‖ payload. */
export function encodeKept({ topic, payload, retain, timeToLive, contentType }: KeptMessage, arrival: Arrival): Buffer {
  const head: Head = { t: topic, w: arrival.wall, m: arrival.monotonic, u: arrival.run }
  if (retain) head.r = 1
  if (timeToLive !== null) head.l = timeToLive
  if (contentType !== null) head.c = contentType
  const text = JSON.stringify(head)
  const length = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(headLength + length + payload.length)
  bytes.writeUInt32BE(length)
  bytes.write(text, headLength)
  bytes.set(payload, headLength + length)
  return bytes
}

export function decodeKept(bytes: Buffer): { message: KeptMessage; arrival: Arrival } {
  const end = headLength + bytes.readUInt32BE()
  const { t, r, l, c, w, m, u } = JSON.parse(bytes.toString('utf8', headLength, end)) as Head
  return {
    message: { topic: t, payload: bytes.subarray(end), retain: r === 1, timeToLive: l ?? null, contentType: c ?? null },
    arrival: { wall: w, monotonic: m, run: u },
  }
}
