import { describe, expect, it } from 'vitest'
import { openOriginal, sealOriginal } from '../src/original-construction.ts'
import messages from './original-messages.json' with { type: 'json' }

describe("the original's construction, kept for comparison", () => {
  const keysOf = ({ aesKey, hmacKey }: { aesKey: string; hmacKey: string }) => ({
    aes: Buffer.from(aesKey, 'base64'),
    hmac: Buffer.from(hmacKey, 'base64'),
  })

  it.each(messages)('opens or refuses $payload as the original does', (message) => {
    const open = () => openOriginal(keysOf(message), message.payload).toString()
    if (message.valid) expect(open()).toBe(message.plaintext)
    else expect(open).toThrow()
  })

  it('opens what it seals', () => {
    const keys = keysOf(messages[0]!)
    expect(openOriginal(keys, sealOriginal(keys, Buffer.from('reading'))).toString()).toBe('reading')
  })
})
