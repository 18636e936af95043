/** Bytes at which a form is looked up. */
const start = 3

/** Looks for many secrets at once, as they are, in hexadecimal and in base64 at every place within a group. */
export class SecretSearch {
  readonly #forms = new Map<number, { form: Buffer; secret: number }[]>()
  readonly #starts = new Uint8Array(2 ** (8 * start))

  /** @param secrets of at least 8 bytes each */
  constructor(secrets: readonly Uint8Array[]) {
    for (const [secret, bytes] of secrets.entries()) {
      for (const form of formsOf(Buffer.from(bytes))) {
        const key = form.readUIntBE(0, start)
        this.#starts[key] = 1
        this.#forms.set(key, [...(this.#forms.get(key) ?? []), { form, secret }])
      }
    }
  }

  /** Which of the secrets are in these bytes, by their place in the list. */
  findIn(bytes: Buffer): Set<number> {
    const found = new Set<number>()
    let key = 0
    for (let end = 1; end <= bytes.length; end++) {
      key = ((key << 8) | bytes[end - 1]!) & 0xffffff
      if (this.#starts[key] === 0) continue
      const from = end - start
      for (const { form, secret } of this.#forms.get(key) ?? []) {
        if (bytes.subarray(from, from + form.length).equals(form)) found.add(secret)
      }
    }
    return found
  }
}

function formsOf(secret: Buffer): Buffer[] {
  const hex = secret.toString('hex')
  const texts = [hex, hex.toUpperCase()]
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), secret])
    // Only the characters that stand for the secret alone.
    const own = [shift === 0 ? 0 : shift + 1, Math.floor((shifted.length * 8) / 6)] as const
    texts.push(shifted.toString('base64').slice(...own), shifted.toString('base64url').slice(...own))
  }
  return [secret, ...texts.map((text) => Buffer.from(text))]
}
