import { request } from 'node:http'
import { routes } from '@sealmq/protocol/api'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { authorityErrorCodes } from '../src/authority-error.ts'
import type { TestAuthority } from './test-authority.ts'

/** A right body for every route that takes one; wrong ones are made from it. */
const bodies: Record<string, Record<string, unknown>> = {
  [`POST ${routes.setup}`]: { code: 'AAAAA', email: 'x@plant.example', name: 'x', password: 'a long enough password' },
  [`POST ${routes.login}`]: { email: 'x@plant.example', password: 'a long enough password', otp: '000000' },
  [`POST ${routes.logout}`]: {},
  [`POST ${routes.senders}`]: { name: 'x', algorithm: 'ES256', publicKey: 'AAAA' },
  [`POST ${routes.members}`]: { email: 'x@plant.example', name: 'x', password: 'a long enough password', roles: [] },
  [`PATCH ${routes.member}`]: { name: 'x', roles: ['viewer'], password: 'a long enough password' },
  [`POST ${routes.roles}`]: { name: 'x', administrator: false, grants: [{ channel: 'sensor', right: 'publish' }] },
  [`PATCH ${routes.role}`]: { name: 'x', grants: [{ channel: 'sensor', right: 'publish' }] },
  [`POST ${routes.channels}`]: {
    name: 'x',
    filters: ['x'],
    suite: 'A256GCM',
    kind: 'state',
    signing: 'each',
    maximumAge: 1,
    late: 'mark',
    lease: 60,
  },
  [`PATCH ${routes.channel}`]: {
    name: 'x',
    filters: ['x'],
    suite: 'A256GCM',
    kind: 'state',
    signing: 'each',
    maximumAge: 1,
    late: 'mark',
    lease: 60,
  },
  [`POST ${routes.rotate}`]: {},
  [`POST ${routes.devices}`]: { name: 'x', roles: ['viewer'] },
  [`POST ${routes.devicesImport}`]: { devices: [{ name: 'y', roles: ['viewer'], line: 2 }] },
  [`POST ${routes.enrol}`]: { name: 'x', code: 'AAAAA', algorithm: 'ES256', publicKey: 'AAAA', version: '1.0' },
}
const noBody = [
  ...[`GET ${routes.deployment}`, `GET ${routes.me}`, `GET ${routes.senders}`, `DELETE ${routes.sender}`],
  ...[`GET ${routes.keyring}`, `GET ${routes.members}`, `GET ${routes.member}`, `DELETE ${routes.member}`],
  ...[`GET ${routes.roles}`, `GET ${routes.role}`, `DELETE ${routes.role}`, `GET ${routes.channels}`],
  ...[`GET ${routes.channel}`, `DELETE ${routes.channel}`, `GET ${routes.changes}`],
  ...[`GET ${routes.ca}`, `GET ${routes.devices}`, `GET ${routes.device}`, `POST ${routes.deviceTicket}`],
]
/** Every route of the contract with its method. */
export const everyRoute: string[] = [...Object.keys(bodies), ...noBody]

const wrongValues: unknown[] = [
  ...[null, true, -1, 1.5, 2 ** 53, 'x'.repeat(2_000), '', '\u0000', '\ud800', '\u202e', '__proto__'],
  ...[[], {}, [[]], [null], [{}], { length: 1 }, { toString: 1 }, { __proto__: null, constructor: 1 }],
]
const wrongDocuments = [
  ...[
    '',
    '{',
    '[',
    'null',
    'true',
    '1',
    '"text"',
    '[]',
    '{"a":1,}',
    '\ufeff{}',
    '{"__proto__":{"administrator":true}}',
  ],
  ...['{"constructor":{"prototype":{"x":1}}}', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, '\u0000', 'NaN'],
]
const wrongIds = [
  '%00',
  '%',
  '%ff',
  '..',
  '..%2f..',
  '%20',
  'a%0ab',
  "'%20or%201=1--",
  'x'.repeat(3_000),
  '-1',
  '1e9',
  '0',
  '99999999999999999999',
  '1.5',
  '%F0%9F%92%A9',
]
const wrongTypes = ['text/plain', 'application/xml', 'multipart/form-data', 'application/json; charset=utf-16', '']

interface Sent {
  status: number
  body: string
}

/** Sends every route what it does not expect; it answers with a typed refusal, never with a failure. */
export class MalformedRequests {
  readonly #authority: TestAuthority
  readonly #count: Count

  constructor(authority: TestAuthority, count: Count) {
    this.#authority = authority
    this.#count = count
  }

  /** Wrong JSON in every place of every body, wrong documents, wrong types of content, wrong ids. */
  async wrongTypes(): Promise<void> {
    for (const [route, right] of Object.entries(bodies)) {
      for (const name of Object.keys(right)) {
        for (const value of wrongValues) await this.#refuse(route, JSON.stringify({ ...right, [name]: value }))
      }
      if (Object.keys(right).length === 0) continue
      for (const document of wrongDocuments) await this.#refuse(route, document)
      for (const type of wrongTypes) await this.#refuse(route, JSON.stringify(right), { type })
      const grants = wrongValues.flatMap((value) => [
        { channel: value, right: 'publish' },
        { channel: 'sensor', right: value },
      ])
      if ('grants' in right)
        for (const grant of grants) await this.#refuse(route, JSON.stringify({ ...right, grants: [grant] }))
    }
    for (const route of everyRoute.filter((name) => name.includes(':id'))) {
      for (const id of wrongIds) await this.#refuse(route, bodies[route] ? JSON.stringify(bodies[route]) : null, { id })
    }
    for (const query of ['?all=1', '?all', '?all=true&all=true', '?all[]=true', '?%00', '?all=%ff']) {
      await this.#refuse(`GET ${routes.senders}${query}`, null)
    }
    for (const query of ['?limit=0', '?limit=1e9', '?limit=x', '?after=%00', '?search=%ff', '?search=a&search=b']) {
      await this.#refuse(`GET ${routes.devices}${query}`, null)
    }
  }

  /** 10 MB of JSON to every route, with and without a session. */
  async largeBodies(length: number): Promise<void> {
    const large = JSON.stringify({ name: 'x'.repeat(length) })
    for (const route of everyRoute) {
      for (const token of [this.#authority.admin, null]) {
        const answer = await this.#send(route, large, { token })
        // Where the route takes no body it is not read; what came of it is no failure of the authority.
        if (answer !== 'ended') this.#check(route, answer)
        this.#count('bodies of 10 MB')
      }
    }
  }

  async #refuse(route: string, body: string | null, how: { id?: string; type?: string } = {}): Promise<void> {
    const answer = await this.#send(route, body, how)
    if (answer === 'ended') expect.fail(`${route} ${body} gave no answer`)
    this.#check(`${route} ${JSON.stringify(how)} ${body?.slice(0, 200)}`, answer)
    this.#count('wrong requests')
  }

  // Some of what is sent is right by chance, for example an empty list of roles: then it is done.
  #check(what: string, { status, body }: Sent): void {
    if (status < 400) return
    if (status >= 500) expect.fail(`${what} was answered with ${status} ${body}`)
    const { code, message } = JSON.parse(body) as { code: string; message: string }
    expect(Object.keys(authorityErrorCodes), what).toContain(code)
    expect(message, what).toMatch(/\w/)
  }

  #send(
    route: string,
    body: string | null,
    {
      id = 'nobody',
      type = 'application/json',
      token = this.#authority.admin,
    }: { id?: string; type?: string; token?: string | null },
  ): Promise<Sent | 'ended'> {
    const [method, path] = route.split(' ') as [string, string]
    const headers: Record<string, string | number> = {}
    if (token !== null) headers.authorization = `Bearer ${token}`
    if (body !== null) {
      headers['content-length'] = Buffer.byteLength(body)
      if (type !== '') headers['content-type'] = type
    }
    // Not fetch, which would correct paths and refuse bodies of GET.
    const { hostname, port } = new URL(this.#authority.running.httpUrl)
    return new Promise((resolve) => {
      const sent = request({ hostname, port, method, path: path.replace(':id', id), headers }, (response) => {
        let text = ''
        const finish = () => {
          resolve({ status: response.statusCode!, body: text })
          sent.destroy()
        }
        if (response.headers['content-type'] === 'text/event-stream') return finish()
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', finish).on('error', () => resolve('ended'))
      })
      sent.on('error', () => resolve('ended'))
      sent.end(body ?? undefined)
    })
  }
}
