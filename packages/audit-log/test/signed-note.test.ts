import { describe, expect, it } from 'vitest'
import {
  emptyRoot,
  importLogKey,
  makeLogKey,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  signCheckpoint,
  splitNotes,
  verifierKey,
  verifyNote,
} from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'

const origin = 'sealmq/00112233445566778899aabbccddeeff'
const { privateKey, publicKey } = await makeLogKey()
const signingKey = await importLogKey(origin, privateKey, publicKey)
const keyText = await verifierKey(origin, publicKey)
const key = await parseVerifierKey(keyText)
const checkpoint = { origin, size: 20852163, root: new Uint8Array(emptyRoot(sha256)) }
const note = await signCheckpoint(signingKey, checkpoint)
const refusal = (code: string) => expect.objectContaining({ name: 'AuditLogError', code })

describe('signed notes', () => {
  it('verify the published examples', async () => {
    // c2sp.org/signed-note, and the documentation of Go's sumdb/note.
    const examples = [
      [
        'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
        'This is an example message.\n',
        '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
      ],
      [
        'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
      ],
    ] as const
    for (const [vkey, body, signature] of examples) {
      const known = await parseVerifierKey(vkey)
      expect(await verifierKey(known.name, known.publicKey)).toBe(vkey)
      await verifyNote(parseNote(`${body}\n${signature}`), known)
      await expect(verifyNote(parseNote(`x${body}\n${signature}`), known)).rejects.toThrow(refusal('bad-signature'))
      // Lines of keys that are not known are passed over.
      await verifyNote(parseNote(`${body}\n— other AAAAAAA=\n${signature}`), known)
    }
  })

  it('are split at their last empty line', () => {
    const text = 'Ognuno sta solo\n\ned è subito sera.\n\n— quasimodo.example/salvatore AAAAAAA=\n'
    expect(parseNote(text)).toMatchObject({ body: 'Ognuno sta solo\n\ned è subito sera.\n' })
  })

  it.each([
    '',
    'a',
    'a\n',
    'a\n\n',
    '\n\n— n AAAAAAA=\n',
    'a\n\n— n AAAAAAA=',
    'a\n\n- n AAAAAAA=\n',
    'a\n\n— n AAAAAA=\n',
    'a\n\n— n AAAAAA==\n',
    'a\n\n— AAAAAAA=\n',
    'a\n\n—  AAAAAAA=\n',
    'a\n\n— n+m AAAAAAA=\n',
    'a\n\n— n m AAAAAAA=\n',
    'a\n\n— n\u2003m AAAAAAA=\n',
    'a\n\n— n AAAAAAB=\n',
    'a\n\n— n AAAAAAA=\nx\n',
    'a\tb\n\n— n AAAAAAA=\n',
    'a\r\n\n— n AAAAAAA=\n',
    'a\ud800\n\n— n AAAAAAA=\n',
    `a\n\n${'— n AAAAAAA=\n'.repeat(101)}`,
  ])('that are none are refused: %j', (text) => {
    expect(() => parseNote(text)).toThrow(refusal('malformed'))
  })

  it('may have sixteen signatures and more', () => {
    expect(parseNote(`a\n\n${'— n AAAAAAA=\n'.repeat(100)}`).signatures.length).toBe(100)
  })
})

describe('keys of a log', () => {
  it.each([
    '',
    'x',
    `${keyText}x`,
    keyText.replace('+', ''),
    keyText.replace('sealmq', 'sealmQ'),
    keyText.replace('+A', '+B'),
  ])('that were not copied whole are refused: %j', (text) =>
    expect(parseVerifierKey(text)).rejects.toThrow(refusal('malformed')),
  )
  it('need names that notes may have', async () => {
    for (const name of ['', 'a b', 'a+b', 'a\nb']) {
      await expect(verifierKey(name, publicKey)).rejects.toThrow(refusal('malformed'))
      await expect(importLogKey(name, privateKey, publicKey)).rejects.toThrow(refusal('malformed'))
    }
    await expect(verifierKey('a', publicKey.slice(1))).rejects.toThrow(refusal('malformed'))
    await expect(importLogKey('a', privateKey.slice(1), publicKey)).rejects.toThrow(refusal('malformed'))
  })
})

describe('checkpoints', () => {
  it('are opened as they were signed', async () => {
    expect(await openCheckpoint(note, key)).toEqual(checkpoint)
    expect(note.split('\n').slice(0, 4)).toEqual([
      origin,
      '20852163',
      '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
      '',
    ])
  })

  it('are refused with any character altered', async () => {
    for (let at = 0; at < note.length; at++) {
      const altered = note.slice(0, at) + (note[at] === 'A' ? 'B' : 'A') + note.slice(at + 1)
      await expect(openCheckpoint(altered, key), altered).rejects.toMatchObject({ name: 'AuditLogError' })
    }
  })

  it('of another log, of another key and with another signature are told apart', async () => {
    const elsewhere = await importLogKey('sealmq/ff', privateKey, publicKey)
    const foreign = await signCheckpoint(elsewhere, { ...checkpoint, origin: 'sealmq/ff' })
    await expect(openCheckpoint(foreign, key)).rejects.toThrow(refusal('other-log'))
    const pair = await makeLogKey()
    const anew = await signCheckpoint(await importLogKey(origin, pair.privateKey, pair.publicKey), checkpoint)
    await expect(openCheckpoint(anew, key)).rejects.toThrow(refusal('other-key'))
    await expect(openCheckpoint(note.replace('20852163', '20852164'), key)).rejects.toThrow(refusal('bad-signature'))
    // A signature of another key beside the right one is passed over, one of the right key must fit.
    const both = note + anew.slice(anew.lastIndexOf('— '))
    expect(await openCheckpoint(both, key)).toEqual(checkpoint)
    const bad = `${note}${note.slice(note.lastIndexOf('— '), -22)}${'A'.repeat(20)}=\n`
    await expect(openCheckpoint(bad, key)).rejects.toThrow(refusal('bad-signature'))
  })

  it('may have extension lines', () => {
    const extended = note.replace('=\n\n', '=\nmore\n\n')
    expect(parseCheckpoint(extended)).toMatchObject({ size: 20852163 })
  })

  const root = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
  it.each([
    `a\n1\n`,
    `a\n01\n${root}\n`,
    `a\n-1\n${root}\n`,
    `a\n1e3\n${root}\n`,
    `a\n9007199254740992\n${root}\n`,
    `a\n1\n${root.slice(4)}\n`,
    `a\n1\n${root}x\n`,
    `a\n1\n${root}\n\nmore\n`,
    `\n1\n${root}\n`,
  ])('that are none are refused: %j', (body) => {
    expect(() => parseCheckpoint(`${body}\n— n AAAAAAA=\n`)).toThrow(refusal('malformed'))
  })
})

describe('a text of several notes', () => {
  it('is split into them, whatever stands between', () => {
    for (const between of ['', '\n', '\n\n\n']) {
      expect(splitNotes(note + between + note + between)).toEqual([note, note])
      expect(splitNotes(`\ufeff${(between + note + between + note).replaceAll('\n', '\r\n')}`)).toEqual([note, note])
    }
    expect(splitNotes('')).toEqual([])
    expect(splitNotes('\n\n')).toEqual([])
  })

  it('tells of what is none', () => {
    const split = splitNotes(`${note}something else\n\nand more`)
    expect(split[0]).toBe(note)
    expect(split.length).toBe(2)
    expect(() => parseCheckpoint(split[1]!)).toThrow(refusal('malformed'))
  })
})
