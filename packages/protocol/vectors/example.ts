// Prints the worked example of docs/protocol.md, section 14, from the vector it is about:
// `node packages/protocol/vectors/example.ts`.
import { readFileSync } from 'node:fs'

export const exampleName = 'A256GCM, signed with ES256'

/** The worked example as Markdown. */
export function workedExample(): string {
  const { setup, messages } = JSON.parse(readFileSync(new URL('messages.json', import.meta.url), 'utf8'))
  const { envelope, steps, expected, topic } = messages.find(({ name }: { name: string }) => name === exampleName)
  const parts: [length: number, meaning: string][] = [
    [1, 'tag 16, COSE_Encrypt0'],
    [1, 'array of 3'],
    [2, 'byte string of 34: the protected map'],
    [3, 'map of 3; 1 (alg): 3, A256GCM'],
    [2, '4 (kid): byte string of 17'],
    [1, 'version 1'],
    [4, `epoch ${expected.epoch}`],
    [4, `sender ${expected.sender}`],
    [8, 'session'],
    [2, '6 (Partial IV): byte string of 10'],
    [6, `time sealed ${expected.sealedAt}`],
    [4, `sequence ${expected.sequence}`],
    [4, 'unprotected: map of 1; 12: byte string of 64'],
    [64, 'signature r ‖ s'],
    [2, 'byte string of 38: the ciphertext'],
    [22, 'E(inner map ‖ payload)'],
    [16, 'tag'],
  ]
  const lines: string[] = []
  let at = 0
  for (const [length, meaning] of parts) {
    const hex: string = envelope.slice(2 * at, 2 * (at + length))
    for (const [index, row] of hex.match(/.{1,32}/g)!.entries()) {
      lines.push(`${String(at + 16 * index).padStart(4)}  ${row.padEnd(34)}${index === 0 ? meaning : ''}`.trimEnd())
    }
    at += length
  }
  const wrap = (hex: string) => hex.match(/.{1,96}/g)!.map((row) => `  ${row}`).join('\n')
  const text = Buffer.from(expected.payload, 'hex').toString()
  const block = (title: string, hex: string) => `${title}\n${wrap(hex)}`
  return [
    '```',
    block('deployment', setup.deployment),
    block(`epoch key of epoch ${expected.epoch}`, setup.epochKeys[expected.epoch]),
    block('sender key', steps.senderKey),
    block('material: key 32 ‖ base IV 12', steps.material),
    block(`external_aad, topic ${topic}`, steps.externalAad),
    block('Enc_structure', steps.encStructure),
    block(`plaintext: a0 ‖ ${text}`, `a0${expected.payload}`),
    block('Countersign_structure', steps.toBeSigned),
    '```',
    '',
    `The envelope, ${envelope.length / 2} bytes for ${text.length} of payload:`,
    '',
    '```',
    ...lines,
    '```',
    '',
  ].join('\n')
}

if (import.meta.main) process.stdout.write(workedExample())
