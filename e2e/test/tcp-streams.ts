/** Link type of Ethernet, as which Linux shows its loopback. */
const ethernet = 1
const ipv4 = 0x0800
const ipv6 = 0x86dd
const tcp = 6
const synchronise = 0x02

interface Segment {
  /** From the first byte of the stream on. */
  at: number
  bytes: Buffer
}

/**
 * What a capture (pcap, little endian) holds: each direction of each TCP connection as one run of bytes, so that nothing
 * hides across packets; whatever is no TCP packet by packet.
 */
export function tcpStreams(capture: Buffer): Buffer[] {
  if (capture.readUInt32LE(0) !== 0xa1b2c3d4 || capture.readUInt32LE(20) !== ethernet)
    throw new Error('no such capture')
  const streams = new Map<string, { first: number; segments: Segment[] }>()
  const ended: Segment[][] = []
  const others: Buffer[] = []
  for (const packet of packets(capture)) {
    const segment = readSegment(packet)
    if (!segment) {
      others.push(packet)
      continue
    }
    const { from, isFirst, sequence, bytes } = segment
    const known = streams.get(from)
    // The ports are used again.
    if (known && isFirst) ended.push(known.segments)
    const stream = known && !isFirst ? known : { first: sequence, segments: [] }
    streams.set(from, stream)
    if (bytes.length > 0) stream.segments.push({ at: (sequence - stream.first) >>> 0, bytes })
  }
  return [...ended, ...[...streams.values()].map(({ segments }) => segments)].map(joined).concat(others)
}

function* packets(capture: Buffer): Generator<Buffer> {
  for (let at = 24; at + 16 <= capture.length; ) {
    const length = capture.readUInt32LE(at + 8)
    yield capture.subarray(at + 16, at + 16 + length)
    at += 16 + length
  }
}

function readSegment(packet: Buffer): { from: string; isFirst: boolean; sequence: number; bytes: Buffer } | null {
  const type = packet.readUInt16BE(12)
  const ip = packet.subarray(14)
  if (type !== ipv4 && type !== ipv6) return null
  const [protocol, addresses, length] =
    type === ipv4 ? [ip[9], ip.subarray(12, 20), (ip[0]! & 15) * 4] : [ip[6], ip.subarray(8, 40), 40]
  if (protocol !== tcp) return null
  const total = type === ipv4 ? ip.readUInt16BE(2) : ip.readUInt16BE(4) + 40
  // 0: larger than the field can say.
  const segment = ip.subarray(length, total > length ? total : undefined)
  const flags = segment[13]!
  return {
    from: `${addresses.toString('hex')} ${segment.subarray(0, 4).toString('hex')}`,
    isFirst: (flags & synchronise) !== 0,
    sequence: segment.readUInt32BE(4),
    bytes: segment.subarray((segment[12]! >> 4) * 4),
  }
}

// What was sent again is taken once.
function joined(segments: Segment[]): Buffer {
  const parts: Buffer[] = []
  let end = 0
  for (const { at, bytes } of segments.sort((one, other) => one.at - other.at)) {
    if (at + bytes.length <= end) continue
    parts.push(bytes.subarray(Math.max(0, end - at)))
    end = at + bytes.length
  }
  return Buffer.concat(parts)
}
