import type { LegacyKeys } from '../formats/legacy.ts'
import { GatewayError } from '../gateway-error.ts'
import { readSecretFile } from './secret-file.ts'

/**
 * Reads the original's two keys: {"aesKey": base64 of 16 bytes, "hmacKey": base64 of 32}.
 * @throws GatewayError `bad-config`, `unsafe-file`
 */
export async function readLegacyKeys(path: string, place: string): Promise<LegacyKeys> {
  const content = parseObject(await readSecretFile(path, place))
  const key = (name: string, length: number): Uint8Array => {
    const value = content?.[name]
    const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null
    if (bytes?.length !== length || bytes.toString('base64') !== value) {
      throw new GatewayError('bad-config', `${place}: ${name} in ${path} is not base64 of ${length} bytes.`)
    }
    return bytes
  }
  return { aes: key('aesKey', 16), hmac: key('hmacKey', 32) }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return null
  }
}
