import { AuditLogError } from './audit-log-error.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { equalBytes, fromHex, toHex } from './bytes.ts'

/** Signed notes as c2sp.org/signed-note@v1 has them, with its Ed25519 signatures (type 0x01). */

const ed25519Type = 0x01
const keyIdLength = 4
const publicKeyLength = 32
const maximumNoteLength = 1024 * 1024
// The specification asks for 16 at least.
const maximumSignatures = 100
const signaturePrefix = '— '

/** A key that signs the notes of a log. Its name is the origin of the log. */
export interface LogKey {
  readonly name: string
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array
  readonly keyId: Uint8Array
  readonly signingKey: CryptoKey
}

/** What verifies the notes of a log. */
export interface VerifierKey {
  readonly name: string
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array
  /** First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key). */
  readonly keyId: Uint8Array
  readonly verificationKey: CryptoKey
}

export interface NoteSignature {
  /** Name of the key. */
  name: string
  keyId: Uint8Array
  signature: Uint8Array<ArrayBuffer>
}

export interface Note {
  /** What is signed, with its last newline. */
  body: string
  /** In the order of the note; of all keys, known or not. Nothing is verified. */
  signatures: NoteSignature[]
}

/** A fresh Ed25519 key pair: the private half as PKCS #8, which is a secret, and the 32 bytes of the public one. */
export async function makeLogKey(): Promise<{ privateKey: Uint8Array; publicKey: Uint8Array }> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  return {
    privateKey: new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)),
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
  }
}

/**
 * A key to sign with, of what `makeLogKey` gave.
 * @param name origin of the log
 * @throws AuditLogError `malformed`
 */
export async function importLogKey(name: string, privateKey: Uint8Array, publicKey: Uint8Array): Promise<LogKey> {
  checkName(name)
  const signingKey = await crypto.subtle
    .importKey('pkcs8', Uint8Array.from(privateKey), 'Ed25519', false, ['sign'])
    .catch(() => Promise.reject(new AuditLogError('malformed', 'The private key of the log cannot be read.')))
  return { name, publicKey, keyId: await keyIdOf(name, publicKey), signingKey }
}

/**
 * A public key as text, `name+id+key`, the form in which it is given to auditors.
 * @throws AuditLogError `malformed` when the name or the length of the key is not allowed
 */
export async function verifierKey(name: string, publicKey: Uint8Array): Promise<string> {
  checkName(name)
  if (publicKey.length !== publicKeyLength) throw new AuditLogError('malformed', 'The key has not 32 bytes.')
  return `${name}+${toHex(await keyIdOf(name, publicKey))}+${toBase64(typedKey(publicKey))}`
}

/**
 * Reads what `verifierKey` wrote.
 * @throws AuditLogError `malformed`
 */
export async function parseVerifierKey(text: string): Promise<VerifierKey> {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/.exec(text.trim())
  if (!parts) throw new AuditLogError('malformed', 'The text is not the key of a log.')
  const [, name, id, encoded] = parts as unknown as [string, string, string, string]
  checkName(name)
  const typed = fromBase64(encoded)
  if (typed.length !== 1 + publicKeyLength || typed[0] !== ed25519Type)
    throw new AuditLogError('malformed', 'The key of the log is not one for Ed25519.')
  const publicKey = typed.slice(1)
  const keyId = await keyIdOf(name, publicKey)
  if (!equalBytes(keyId, fromHex(id))) throw new AuditLogError('malformed', 'The key of the log was not copied whole.')
  const verificationKey = await crypto.subtle
    .importKey('raw', publicKey, 'Ed25519', true, ['verify'])
    .catch(() => Promise.reject(new AuditLogError('malformed', 'The key of the log is not one for Ed25519.')))
  return { name, publicKey, keyId, verificationKey }
}

/** Signs a text that ends with a newline: the whole note. */
export async function signNote(key: LogKey, body: string): Promise<string> {
  const signature = await crypto.subtle.sign('Ed25519', key.signingKey, new TextEncoder().encode(body))
  const bytes = new Uint8Array(keyIdLength + signature.byteLength)
  bytes.set(key.keyId)
  bytes.set(new Uint8Array(signature), keyIdLength)
  return `${body}\n${signaturePrefix}${key.name} ${toBase64(bytes)}\n`
}

/**
 * Takes a note apart, without verifying anything.
 * @throws AuditLogError `malformed`
 */
export function parseNote(note: string): Note {
  if (note.length > maximumNoteLength || !note.isWellFormed() || !note.endsWith('\n') || hasControlCharacter(note))
    throw notANote()
  const end = note.lastIndexOf('\n\n')
  const body = note.slice(0, end + 1)
  const lines = note.slice(end + 2, -1).split('\n')
  if (end < 1 || lines.length > maximumSignatures) throw notANote()
  return { body, signatures: lines.map(parseSignature) }
}

/**
 * Verifies the signatures of one key.
 * @throws AuditLogError `other-key` when there are none; `bad-signature` when one of them does not fit
 */
export async function verifyNote({ body, signatures }: Note, key: VerifierKey): Promise<void> {
  const own = signatures.filter(({ name, keyId }) => name === key.name && equalBytes(keyId, key.keyId))
  if (own.length === 0) throw new AuditLogError('other-key')
  const signed = new TextEncoder().encode(body)
  // There is only one signature that fits: saying it a hundred times is not to cost a hundred times.
  const distinct = new Map(own.map(({ signature }) => [toHex(signature), signature]))
  for (const signature of distinct.values())
    if (!(await crypto.subtle.verify('Ed25519', key.verificationKey, signature, signed)))
      throw new AuditLogError('bad-signature')
}

/**
 * The notes of a text in which they stand one after the other, empty lines between them or not, line ends of any system.
 * What is no note comes out as one too, so that reading it tells of it.
 */
export function splitNotes(text: string): string[] {
  const notes: string[] = []
  let lines: string[] = []
  let signed = false
  const finish = () => {
    if (lines.some((line) => line !== '')) notes.push(`${lines.join('\n')}\n`)
    lines = []
    signed = false
  }
  for (const line of text.replace(/^\ufeff/, '').split(/\r?\n/)) {
    const isSignature = line.startsWith(signaturePrefix)
    if (signed && !isSignature) finish()
    if (line === '' && lines.length === 0) continue
    if (isSignature && lines.at(-1) === '') signed = true
    lines.push(line)
  }
  if (!signed) while (lines.at(-1) === '') lines.pop()
  finish()
  return notes
}

function parseSignature(line: string): NoteSignature {
  const space = line.lastIndexOf(' ')
  if (!line.startsWith(signaturePrefix) || space < signaturePrefix.length) throw notANote()
  const name = line.slice(signaturePrefix.length, space)
  checkName(name)
  const bytes = fromBase64(line.slice(space + 1))
  if (bytes.length <= keyIdLength) throw notANote()
  return { name, keyId: bytes.slice(0, keyIdLength), signature: bytes.slice(keyIdLength) }
}

function checkName(name: string): void {
  if (name === '' || !name.isWellFormed() || hasControlCharacter(name) || /[\p{White_Space}+]/u.test(name))
    throw new AuditLogError('malformed', 'A key has a name that is not allowed.')
}

function hasControlCharacter(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those below U+0020 except newline are forbidden
  return /[\0-\x09\x0b-\x1f]/.test(text)
}

async function keyIdOf(name: string, publicKey: Uint8Array): Promise<Uint8Array> {
  const encodedName = new TextEncoder().encode(`${name}\n`)
  const typed = typedKey(publicKey)
  const input = new Uint8Array(encodedName.length + typed.length)
  input.set(encodedName)
  input.set(typed, encodedName.length)
  return new Uint8Array(await crypto.subtle.digest('SHA-256', input)).slice(0, keyIdLength)
}

function typedKey(publicKey: Uint8Array): Uint8Array {
  const typed = new Uint8Array(1 + publicKey.length)
  typed[0] = ed25519Type
  typed.set(publicKey, 1)
  return typed
}

function notANote(): AuditLogError {
  return new AuditLogError('malformed', 'The text is not a signed note.')
}
