import { type DeviceInfo, type DeviceTicket, type Keyring, routes } from '@sealmq/protocol/api'
import { beforeEach, expect, it } from 'vitest'
import { newSecret } from '../src/identity/secrets.ts'
import { recordsWhile } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { closed, connectMqtt } from './mqtt-connection.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, type TestAuthority } from './test-authority.ts'
import { minute, second } from './test-clock.ts'

const day = 24 * 60 * minute

onEachEngine('tokens that are renewed', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  beforeEach(() => {
    authority = shared.authority
  })

  let devices = 0
  const newDevice = () => authority.addDevice(`unit-${++devices}`, 'sensor')
  const renew = (by: string, token: string) => authority.ask('POST', routes.renewal, { token }, by)
  const keyring = (token: string) => authority.ask<Keyring>('GET', routes.keyring, undefined, token)
  const refusal = async (token: string) => {
    const { status, body } = await keyring(token)
    return [status, (body as unknown as { code?: string }).code ?? null]
  }
  const state = async (name: string) =>
    (await authority.askAdmin<DeviceInfo>('GET', at(routes.device, name))).body.state
  const shutOut = [401, 'credential-copied']

  it('are to be renewed after half their time, and serve until the next one is used', async () => {
    const device = await newDevice()
    const begun = authority.now()
    expect((await keyring(device.token)).body.renewAt).toBe(begun + 15 * day)
    shared.clock.move(20 * day)
    const next = newSecret()
    expect(await renew(device.token, next)).toMatchObject({ status: 204 })
    expect((await keyring(device.token)).body.renewAt).toBe(begun + 15 * day)
    expect((await keyring(next)).body.renewAt).toBe(begun + 35 * day)
    expect(await refusal(device.token)).toEqual([401, 'credential-renewed'])
    shared.clock.move(minute - second)
    expect(await refusal(device.token)).toEqual([401, 'credential-renewed'])
    expect(await refusal(next)).toEqual([200, null])
  })

  it('are renewed as well when the answer was lost, before or after it was stored', async () => {
    const device = await newDevice()
    const next = newSecret()
    for (let time = 0; time < 3; time++) expect(await renew(device.token, next)).toMatchObject({ status: 204 })
    const after = newSecret()
    expect(await renew(next, after)).toMatchObject({ status: 204 })
    expect(await renew(next, after)).toMatchObject({ status: 204 })
    expect(await refusal(after)).toEqual([200, null])
  })

  it('begin once, however many use the next at the same time', async () => {
    const device = await newDevice()
    const next = newSecret()
    await renew(device.token, next)
    const answers = await Promise.all(Array.from({ length: 20 }, () => keyring(next)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const store = await authority.database()
    const spent = await store.selectFrom('spent_tokens').selectAll().where('sender', '=', device.sender).execute()
    expect(spent).toHaveLength(1)
    const sender = store.selectFrom('senders').selectAll().where('sender', '=', device.sender)
    expect(await sender.executeTakeFirstOrThrow()).toMatchObject({ token_generation: 2, next_token_hash: null })
  })

  it('that were replaced shut both copies out, whichever renewed, until the device is enrolled anew', async () => {
    const device = await newDevice()
    const client = await connectMqtt(authority, device)
    const dropped = closed(client)
    const next = newSecret()
    await renew(device.token, next)
    expect(await refusal(next)).toEqual([200, null])
    shared.clock.move(minute)
    const metric = async () =>
      Number(
        /^sealmq_senders_copied (\d+)$/m.exec(await (await fetch(`${authority.running.httpUrl}/metrics`)).text())![1],
      )
    const before = await metric()
    const records = await recordsWhile(authority, async () => {
      expect(await refusal(device.token)).toEqual(shutOut)
    })
    const on = { kind: 'sender', id: String(device.sender), name: device.name }
    const actor = { kind: 'sender', sender: device.sender, name: device.name }
    expect(records).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ action: 'sender.copied', on, actor: expect.objectContaining(actor) }),
        expect.objectContaining({ action: 'sender.remove', on }),
        expect.objectContaining({ action: 'epoch.start', channel: 'sensor' }),
      ]),
    )
    await dropped
    await expect(connectMqtt(authority, device)).rejects.toMatchObject({ code: expect.any(Number) })
    expect(await refusal(next)).toEqual(shutOut)
    expect(await refusal(device.token)).toEqual(shutOut)
    expect(await renew(next, newSecret())).toMatchObject({ status: 401, body: { code: 'credential-copied' } })
    expect([await state(device.name), await metric()]).toEqual(['copied', before + 1])
    const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', at(routes.deviceTicket, device.name))
    const { algorithm, publicKey } = { algorithm: 'EdDSA', publicKey: Buffer.alloc(32, 9).toString('base64url') }
    const anew = { name: ticket.name, code: ticket.code, algorithm, publicKey }
    const { body: sender } = await authority.ask<{ token: string }>('POST', routes.enrol, anew)
    expect(await refusal(sender.token)).toEqual([200, null])
    expect(await state(device.name)).toBe('enrolled')
    expect(await refusal(next)).toEqual(shutOut)
  })

  it('that two copies renew at the same time shut both out, before either is used', async () => {
    const device = await newDevice()
    const [one, other] = [newSecret(), newSecret()]
    expect(await renew(device.token, one)).toMatchObject({ status: 204 })
    expect(await renew(device.token, other)).toMatchObject({ status: 401, body: { code: 'credential-copied' } })
    for (const token of [device.token, one]) expect(await refusal(token)).toEqual(shutOut)
    expect(await refusal(other)).toEqual([401, 'not-signed-in'])
    expect(await state(device.name)).toBe('copied')
  })

  it('are new, 256 bits, and not asked for without end', async () => {
    const device = await newDevice()
    const next = newSecret()
    await renew(device.token, next)
    await keyring(next)
    for (const token of [next, device.token])
      expect(await renew(next, token)).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    for (const token of ['', 'short', `${newSecret()}x`, `${newSecret().slice(1)}=`])
      expect(await renew(next, token)).toMatchObject({ status: 400 })
    const other = await newDevice()
    let token = other.token
    const answers: number[] = []
    for (let time = 0; time < 25; time++) {
      const after = newSecret()
      answers.push((await renew(token, after)).status)
      if (answers.at(-1) === 204) token = after
    }
    expect(new Set(answers)).toEqual(new Set([204, 429]))
    expect(await refusal(token)).toEqual([200, null])
    expect(await renew(newSecret(), newSecret())).toMatchObject({ status: 401, body: { code: 'not-signed-in' } })
  })
})
