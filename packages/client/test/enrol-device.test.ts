import { toBase64url } from '@sealmq/protocol'
import type { EnrolRequest } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { describe, expect, it } from 'vitest'
import { AuthorityClient, enrolDevice } from '../src/index.ts'

const key = new Uint8Array(65).fill(4)
const deployment = {
  deployment: 'AAAAAAAAAAAAAAAAAAAAAA',
  name: 'Plant',
  authorityKey: toBase64url(key),
  broker: { mqtt: 'mqtt://127.0.0.1:1883', websocketPath: '/mqtt', protocolVersions: [4] },
  auditKey: 'k',
  setupNeeded: false,
  time: 0,
}
const created = { sender: 7, token: 't', broker: { username: 'sender-7', password: 'p' } }

/** An authority that notes what it is asked. */
function authority() {
  const asked: { path: string; body: EnrolRequest | null }[] = []
  const client = new AuthorityClient({
    url: 'https://authority.example',
    fetch: async (url, init) => {
      const path = new URL(url).pathname
      asked.push({ path, body: init.body ? (JSON.parse(String(init.body)) as EnrolRequest) : null })
      return Response.json(path === routes.deployment ? deployment : created)
    },
  })
  return { client, asked }
}

describe('a device that enrols', () => {
  it('makes its key, gives the public one with the code, and pins the authority', async () => {
    const { client, asked } = authority()
    const ticket = { name: 'pump', code: 'CODE', version: '1.0', isAuthority: (shown: Uint8Array) => shown[0] === 4 }
    const identity = await enrolDevice(client, nodeCryptography, ticket, 'PEM')
    expect(asked.map(({ path }) => path)).toEqual([routes.deployment, routes.enrol])
    const { publicKey, ...rest } = asked[1]!.body!
    expect(rest).toEqual({ name: 'pump', code: 'CODE', version: '1.0', algorithm: 'ES256' })
    expect(identity).toMatchObject({ ...created, authorityKey: deployment.authorityKey, ca: 'PEM' })
    const signing = await nodeCryptography.importSigningKey('ES256', Buffer.from(identity.signingKey, 'base64url'))
    expect(toBase64url(signing.publicKey)).toBe(publicKey)
  })

  it('says nothing to an authority with another key', async () => {
    const { client, asked } = authority()
    const ticket = { name: 'pump', code: 'CODE', isAuthority: () => false }
    await expect(enrolDevice(client, nodeCryptography, ticket)).rejects.toMatchObject({
      code: 'authority-mismatch',
      message: expect.stringContaining('https://authority.example'),
    })
    expect(asked.map(({ path }) => path)).toEqual([routes.deployment])
  })
})
