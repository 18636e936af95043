import { toBase64url } from '@sealmq/protocol'
import { type BrokerCheck, type Keyring, routes, type SenderCreated } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { uncounted } from '../../../scripts/bar.ts'
import type { ServeOptions } from '../src/index.ts'
import { checkAccess } from './access-matrix.ts'
import {
  accepts,
  closed,
  connectMqtt,
  inbox,
  rawSocket,
  refusedConnect,
  socketClosed,
  subscribe,
} from './mqtt-connection.ts'
import { revokeReaders } from './revocation.ts'
import { at, TestAuthority } from './test-authority.ts'

/** A broker under the contract. */
export interface TestedBroker {
  /** Options for an authority that governs it; one broker for each authority. */
  start(): Promise<Partial<ServeOptions>>
  /** Stops it in order and starts it again, where it is not the authority itself. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** What every adapter must keep, tried from outside. */
export function brokerContract(name: string, broker: TestedBroker): void {
  describe(`the contract of brokers, ${name}`, () => {
    let authority: TestAuthority
    const open: { destroy(): void }[] = []
    beforeEach(async () => {
      authority = await TestAuthority.withAdministrator(await broker.start())
    })
    afterEach(async () => {
      for (const connection of open.splice(0)) connection.destroy()
      await authority.close()
      await broker.stop()
    })

    const credentials = async (member: string, ...roles: string[]) => {
      const created = await authority.createMember(member, ...roles)
      return { ...(await authority.addSender(created.token)), member: created }
    }
    async function connect(sender: Pick<SenderCreated, 'broker'>, options: IClientOptions = {}): Promise<MqttClient> {
      const client = await connectMqtt(authority, sender, options)
      open.push({ destroy: () => client.end(true) })
      return client
    }
    /** A connection whose first messages may come with the answer to CONNECT. */
    function comeBack(sender: Pick<SenderCreated, 'broker'>, options: IClientOptions) {
      const client = mqtt.connect(authority.running.mqttUrl, { ...sender.broker, ...options, reconnectPeriod: 0 })
      open.push({ destroy: () => client.end(true) })
      client.on('error', () => {})
      return inbox(client)
    }

    it('lets nobody in without the credential of a living sender', async () => {
      const { broker: own } = await credentials('pump', 'sensor')
      const other = await credentials('valve', 'sensor')
      for (const wrong of [
        {},
        { username: own.username },
        { username: own.username, password: 'guess' },
        { username: own.username, password: other.broker.password },
        { username: `${own.username}/x`, password: own.password },
        { username: 'sender-0', password: own.password },
        { username: 'sender-99', password: own.password },
        { username: '', password: own.password },
      ]) {
        const attempt = mqtt.connectAsync(authority.running.mqttUrl, { ...wrong, reconnectPeriod: 0 })
        await expect(attempt, JSON.stringify(wrong)).rejects.toMatchObject(refusedConnect)
      }
    })

    it(
      'lets each role do what an independent oracle says, on the broker as with the keys',
      () => checkAccess(authority, 1, uncounted),
      240_000,
    )

    it('refuses wide filters, $SYS and shared subscriptions, and goes on with the others', async () => {
      const client = await connect(await credentials('pump', 'sensor'))
      const filters = ['#', '+/sensor', 'iot/+', '$SYS/#', '$share/g/iot/sensor', 'iot/sensor']
      expect(await subscribe(client, ...filters)).toEqual([128, 128, 128, 128, 128, 1])
      expect(await accepts(client, '$SYS/x')).toBe(false)
    })

    it('lets nobody who may use every topic use those of the broker', async () => {
      for (const channel of await names(authority)) await authority.askAdmin('DELETE', at(routes.channel, channel))
      await authority.askAdmin('POST', routes.channels, { name: 'all', filters: ['#'] })
      const grants = ['publish', 'subscribe'].map((right) => ({ channel: 'all', right }))
      await authority.askAdmin('POST', routes.roles, { name: 'everything', grants })
      const sender = await credentials('wide', 'everything')
      for (const topic of ['$CONTROL/dynamic-security/v1', '$CONTROL/broker/v1', '$SYS/x', '$share/g/x']) {
        const client = await connect(sender)
        expect(await accepts(client, topic), topic).toBe(false)
      }
      const client = await connect(sender)
      expect(await subscribe(client, '$CONTROL/#', '$SYS/#', '$SYS/broker/log/#', '#')).toEqual([128, 128, 128, 1])
      expect(await accepts(client, 'any/topic')).toBe(true)
    })

    it('delivers a will that the role allows, and no other', async () => {
      const pump = await credentials('pump', 'sensor')
      const admin = await authority.addSender(authority.admin)
      const will = (topic: string) => ({
        will: { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false },
      })
      const reader = await connect(admin, { clientId: 'reader' })
      const next = inbox(reader)
      await reader.subscribeAsync(['iot/sensor', 'iot/login'], { qos: 1 })
      const refused = await connect(pump, { clientId: 'refused', ...will('iot/login') }).catch(() => null)
      expect(refused === null || authority.options.broker !== null).toBe(true)
      refused?.stream.destroy()
      const dying = await connect(pump, { clientId: 'dying', ...will('iot/sensor') })
      dying.stream.destroy()
      expect(await next()).toEqual(['iot/sensor', 'gone'])
    })

    it('keeps retained and queued messages over a restart in order', async () => {
      const pump = await credentials('pump', 'sensor')
      const durable = { clientId: 'durable', clean: false }
      const reader = await connect(pump, durable)
      await reader.subscribeAsync('iot/sensor', { qos: 1 })
      await reader.endAsync(true)
      const witness = await connect(pump, { clientId: 'witness' })
      const nextSeen = inbox(witness)
      await witness.subscribeAsync('iot/sensor', { qos: 1 })
      const writer = await connect(pump, { clientId: 'writer' })
      for (let index = 0; index < 20; index++) await writer.publishAsync('iot/sensor', `queued ${index}`, { qos: 1 })
      await writer.publishAsync('iot/sensor', 'kept', { qos: 1, retain: true })
      // The embedded broker acknowledges before it stores; what is delivered is stored.
      while ((await nextSeen())[1] !== 'kept');
      await authority.running.close()
      await broker.restart()
      await authority.startAgain()
      const next = comeBack(pump, durable)
      for (let index = 0; index < 20; index++) expect(await next()).toEqual(['iot/sensor', `queued ${index}`])
      expect(await next()).toEqual(['iot/sensor', 'kept'])
      const late = await connect(pump, { clientId: 'late' })
      const nextLate = inbox(late)
      await late.subscribeAsync('iot/sensor', { qos: 1 })
      expect(await nextLate()).toEqual(['iot/sensor', 'kept'])
    })

    it('gives nobody who takes over a session by its client id what its own rights do not hold', async () => {
      const pump = await credentials('pump', 'sensor')
      const thief = await credentials('thief', 'viewer')
      const durable = { clientId: 'the same', clean: false }
      const victim = await connect(pump, durable)
      await victim.subscribeAsync('iot/sensor', { qos: 1 })
      await victim.endAsync()
      const writer = await connect(pump, { clientId: 'writer' })
      await writer.publishAsync('iot/sensor', 'queued', { qos: 1 })
      const stolen: string[] = []
      const attacker = await connect(thief, durable)
      attacker.on('message', (_topic, payload) => stolen.push(payload.toString()))
      await writer.publishAsync('iot/sensor', 'live', { qos: 1 })
      expect(await subscribe(attacker, 'iot/sensor')).toEqual([128])
      expect(stolen).toEqual([])
    })

    it('drops a removed member, and lets it in no more', async () => {
      const pump = await credentials('pump', 'sensor')
      const online = [await connect(pump, { clientId: 'one' }), await connect(pump, { clientId: 'other' })]
      const dropped = Promise.all(online.map(closed))
      expect(await authority.askAdmin('DELETE', at(routes.member, pump.member.id))).toMatchObject({ status: 204 })
      await dropped
      const again = mqtt.connectAsync(authority.running.mqttUrl, { ...pump.broker, reconnectPeriod: 0 })
      await expect(again).rejects.toMatchObject(refusedConnect)
    })

    it('drops the sender of a session with it, lets it in no more, and gives what waits for it to nobody', async () => {
      const pump = await credentials('pump', 'sensor')
      const thief = await credentials('thief', 'viewer')
      const session = await authority.logIn(pump.member.email)
      const enter = async () => {
        const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
        const request = { name: 'tab', algorithm: 'ES256', publicKey: toBase64url(publicKey) }
        return (await authority.ask<SenderCreated>('POST', routes.sessionSenders, request, session)).body
      }
      const [tab, other] = [await enter(), await enter()]
      const durable = { clientId: 'durable', clean: false }
      const away = await connect(tab, durable)
      expect(await subscribe(away, 'iot/sensor')).toEqual([1])
      await away.endAsync(true)
      const writer = await connect(pump, { clientId: 'writer' })
      await writer.publishAsync('iot/sensor', 'queued', { qos: 1 })
      const online = await connect(other, { clientId: 'online' })
      const dropped = closed(online)
      expect((await authority.ask('POST', routes.logout, undefined, session)).status).toBeLessThan(300)
      await dropped
      await writer.publishAsync('iot/sensor', 'afterwards', { qos: 1 })
      for (const { broker } of [tab, other]) {
        const again = mqtt.connectAsync(authority.running.mqttUrl, { ...broker, ...durable, reconnectPeriod: 0 })
        await expect(again).rejects.toMatchObject(refusedConnect)
      }
      const stolen: string[] = []
      const attacker = await connect(thief, durable)
      attacker.on('message', (_topic, payload) => stolen.push(payload.toString()))
      expect(await subscribe(attacker, 'iot/sensor')).toEqual([128])
      expect(stolen).toEqual([])
      expect(writer.connected).toBe(true)
    })

    it('shuts a locked member out, and lets it in again with what it had', async () => {
      const pump = await credentials('pump', 'sensor')
      const online = await connect(pump)
      const dropped = closed(online)
      expect(await authority.askAdmin('POST', at(routes.memberLock, pump.member.id))).toMatchObject({ status: 200 })
      await dropped
      const again = () => mqtt.connectAsync(authority.running.mqttUrl, { ...pump.broker, reconnectPeriod: 0 })
      await expect(again()).rejects.toMatchObject(refusedConnect)
      expect(await authority.askAdmin('POST', at(routes.memberUnlock, pump.member.id))).toMatchObject({ status: 200 })
      const client = await connect(pump)
      expect(await subscribe(client, 'iot/sensor')).toEqual([1])
    })

    it('takes from a member only what it may no longer have', async () => {
      const both = await credentials('both', 'sensor', 'viewer')
      const admin = await authority.addSender(authority.admin)
      const durable = { clientId: 'durable', clean: false }
      const reader = await connect(both, durable)
      await reader.subscribeAsync(['iot/sensor', 'iot/login'], { qos: 1 })
      await reader.endAsync(true)
      const writer = await connect(admin)
      const publish = async (text: string) => {
        for (const topic of ['iot/sensor', 'iot/login']) await writer.publishAsync(topic, text, { qos: 1 })
      }
      await publish('queued')
      await authority.askAdmin('PATCH', at(routes.member, both.member.id), { roles: ['viewer'] })
      await publish('afterwards')
      const next = comeBack(both, durable)
      expect([await next(), await next()]).toEqual([
        ['iot/login', 'queued'],
        ['iot/login', 'afterwards'],
      ])
    })

    it('gives a monitor every channel sealed, and nothing else: no key, no publication, no will, none of its own topics', async () => {
      await authority.askAdmin('POST', routes.roles, { name: 'watch', monitor: true, grants: [] })
      await authority.askAdmin('POST', routes.channels, { name: 'area', filters: ['area/#'] })
      const watcher = await credentials('watcher', 'watch')
      expect((await authority.keyring(watcher.token)).channels).toEqual([])
      const client = await connect(watcher, { clientId: 'watch' })
      const all = ['iot/login', 'iot/sensor', 'iot/control', 'iot/admin', 'area/#']
      expect(await subscribe(client, ...all)).toEqual(all.map(() => 1))
      const others = ['#', '+/sensor', 'elsewhere', '$SYS/#', '$SYS/broker/log/#', '$CONTROL/#', '$share/g/area/#']
      expect(await subscribe(client, ...others)).toEqual(others.map(() => 128))
      const next = inbox(client)
      const writer = await connect(await authority.addSender(authority.admin), { clientId: 'writer' })
      await writer.publishAsync('iot/admin', 'kept', { qos: 1, retain: true })
      expect(await next()).toEqual(['iot/admin', 'kept'])
      const forbidden = ['iot/sensor', 'iot/admin', 'area/x', 'elsewhere', '$SYS/x', '$CONTROL/dynamic-security/v1']
      for (const topic of forbidden) {
        for (const retain of [false, true]) {
          const attacker = await connect(watcher, { clientId: 'attacker' })
          expect(await accepts(attacker, topic, retain, retain ? '' : 'forged'), topic).toBe(false)
          attacker.end(true)
        }
      }
      const will = { topic: 'iot/sensor', payload: Buffer.from('forged'), qos: 1 as const, retain: true }
      const dying = await connect(watcher, { clientId: 'dying', will }).catch(() => null)
      dying?.stream.destroy()
      await writer.publishAsync('iot/sensor', 'genuine', { qos: 1 })
      expect(await next()).toEqual(['iot/sensor', 'genuine'])
      const late = await connect(watcher, { clientId: 'late' })
      const nextLate = inbox(late)
      await late.subscribeAsync(['iot/sensor', 'iot/admin'], { qos: 1 })
      expect(await nextLate()).toEqual(['iot/admin', 'kept'])
      const check = await authority.askAdmin<BrokerCheck>('POST', routes.brokerCheck)
      if (authority.options.broker) expect(check.body).toMatchObject({ wrong: 0 })
    })

    it('lets a monitor see a channel from the moment it is made, and takes all from it with the word', async () => {
      await authority.askAdmin('POST', routes.roles, { name: 'watch', monitor: true, grants: [] })
      const watcher = await credentials('watcher', 'watch')
      const durable = { clientId: 'durable', clean: false }
      const first = await connect(watcher, durable)
      expect(await subscribe(first, 'area/#')).toEqual([128])
      await authority.askAdmin('POST', routes.channels, { name: 'area', filters: ['area/#'] })
      const second = await connect(watcher, durable)
      expect(await subscribe(second, 'area/#', 'iot/sensor')).toEqual([1, 1])
      await authority.askAdmin('PATCH', at(routes.channel, 'area'), { filters: ['zone/#'] })
      const third = await connect(watcher, durable)
      expect(await subscribe(third, 'zone/#', 'area/#')).toEqual([1, 128])
      const dropped = closed(third)
      await authority.askAdmin('PATCH', at(routes.role, 'watch'), { monitor: false })
      await dropped
      const writer = await connect(await authority.addSender(authority.admin), { clientId: 'writer' })
      await writer.publishAsync('iot/sensor', 'secret', { qos: 1, retain: true })
      const seen: string[] = []
      const last = await connect(watcher, durable)
      last.on('message', (_topic, payload) => seen.push(payload.toString()))
      await writer.publishAsync('iot/sensor', 'secret', { qos: 1 })
      expect(await subscribe(last, 'zone/#', 'iot/sensor')).toEqual([128, 128])
      expect(seen).toEqual([])
    })

    it(
      'delivers nothing to a revoked reader: live, durable, queued, retained',
      () => revokeReaders(authority, 4, uncounted),
      120_000,
    )

    it('gives what a channel and a role get in addition to those who are there', async () => {
      const pump = await credentials('pump', 'sensor')
      await authority.askAdmin('PATCH', at(routes.channel, 'sensor'), { filters: ['iot/sensor', 'iot/more/#'] })
      const client = await connect(pump)
      expect(await subscribe(client, 'iot/more/+', 'iot/login')).toEqual([1, 128])
      const grants = [
        { channel: 'login', right: 'subscribe' },
        { channel: 'sensor', right: 'publish' },
      ]
      await authority.askAdmin('PATCH', at(routes.role, 'sensor'), { grants })
      const again = await connect(pump)
      expect(await subscribe(again, 'iot/more/+', 'iot/login')).toEqual([128, 1])
      expect(await accepts(again, 'iot/more/x')).toBe(true)
    })

    describe('with a grant on a part of a channel', () => {
      const setGrant = (...filters: string[]) =>
        authority.askAdmin('PATCH', at(routes.role, 'machine'), {
          grants: [{ channel: 'own', right: 'publish', filters }],
        })
      /** Who hears everything of the channel, and what it has heard when it is asked. */
      const listen = async () => {
        const grants = ['publish', 'subscribe'].map((right) => ({ channel: 'own', right }))
        await authority.askAdmin('POST', routes.roles, { name: 'hears', grants })
        const reader = await connect(await credentials('reader', 'hears'), { clientId: 'reader' })
        const heard: string[] = []
        reader.on('message', (topic) => heard.push(topic))
        await reader.subscribeAsync('own/#', { qos: 1 })
        return async () => {
          const last = new Promise<void>((resolve) => {
            reader.on('message', (topic) => topic === 'own/last' && resolve())
          })
          await reader.publishAsync('own/last', '', { qos: 1 })
          await last
          return heard.splice(0).filter((topic) => topic !== 'own/last')
        }
      }
      const publishes = async (sender: Pick<SenderCreated, 'broker'>, topic: string, retain = false) => {
        const client = await connect(sender)
        const answer = await accepts(client, topic, retain)
        await client.endAsync(true)
        return answer
      }
      beforeEach(async () => {
        await authority.askAdmin('POST', routes.channels, { name: 'own', filters: ['own/#'] })
        await authority.askAdmin('POST', routes.roles, { name: 'machine', grants: [] })
        expect(await setGrant('own/{member}/#', 'own/+/by/{member}')).toMatchObject({ status: 200 })
      })

      it('lets a device publish under its own name and nowhere else', async () => {
        const pump = await authority.addDevice('pump-1', 'machine')
        const valve = await authority.addDevice('valve', 'machine')
        const namesake = await credentials('pump-1', 'machine')
        const heard = await listen()
        const own = ['own/pump-1', 'own/pump-1/x', 'own/pump-1/x/y', 'own/pump-1/', 'own/z/by/pump-1', 'own//by/pump-1']
        const others = ['own', 'own/', 'own/valve', 'own/pump-1x', 'own/z/by', 'own/{member}/x', 'own/z/by/{member}']
        for (const topic of own) {
          expect(await publishes(pump, topic), topic).toBe(true)
          expect(await publishes(pump, topic, true), topic).toBe(true)
          expect(await publishes(valve, topic), topic).toBe(false)
          expect(await publishes(namesake, topic), topic).toBe(false)
        }
        for (const topic of others) expect(await publishes(pump, topic), topic).toBe(false)
        expect(await publishes(valve, 'own/valve')).toBe(true)
        expect((await heard()).sort()).toEqual([...own, ...own, 'own/valve'].sort())
        const client = await connect(pump)
        expect(await subscribe(client, 'own/pump-1', 'own/pump-1/#', 'own/#')).toEqual([128, 128, 128])
      })

      it('publishes the will of a device under its own name alone', async () => {
        const pump = await authority.addDevice('pump-1', 'machine')
        await authority.addDevice('valve', 'machine')
        const heard = await listen()
        for (const topic of ['own/valve/gone', 'own/pump-1/gone']) {
          const will = { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false }
          const dying = await connect(pump, { clientId: topic, will }).catch(() => null)
          expect(dying !== null || topic === 'own/valve/gone').toBe(true)
          const ended = dying && closed(dying)
          dying?.stream.destroy()
          await ended
        }
        const all: string[] = []
        while (!all.includes('own/pump-1/gone')) all.push(...(await heard()))
        expect(all).toEqual(['own/pump-1/gone'])
      })

      it('follows a change of the grant at once, and one of a name never', async () => {
        const pump = await authority.addDevice('pump-1', 'machine')
        const { member } = await credentials('somebody', 'machine')
        const imposter = await authority.addSender(await authority.logIn('somebody@plant.example'))
        const online = await connect(pump)
        const dropped = closed(online)
        expect(await setGrant('own/{member}/only')).toMatchObject({ status: 200 })
        await dropped
        expect(await publishes(pump, 'own/pump-1/x')).toBe(false)
        expect(await publishes(pump, 'own/pump-1/only')).toBe(true)
        expect(await authority.askAdmin('PATCH', at(routes.member, member.id), { name: 'pump-1' })).toMatchObject({
          status: 200,
        })
        expect(await publishes(imposter, 'own/pump-1/only')).toBe(false)
        expect(await authority.askAdmin('DELETE', at(routes.member, pump.id))).toMatchObject({ status: 204 })
        const again = mqtt.connectAsync(authority.running.mqttUrl, { ...pump.broker, reconnectPeriod: 0 })
        await expect(again).rejects.toMatchObject(refusedConnect)
        const successor = await authority.addDevice('pump-1', 'machine')
        expect(await publishes(successor, 'own/pump-1/only')).toBe(true)
      })

      it('grants nothing to a device whose name is no single level, whoever wrote it into the store', async () => {
        const pump = await authority.addDevice('pump-1', 'machine')
        const wild = await authority.addDevice('wild', 'machine')
        const store = await authority.database()
        for (const name of ['+', '#', 'pump-1/x', 'pump-1/#', '$SYS', '']) {
          await store.updateTable('members').set({ email: name, name }).where('id', '=', wild.id).execute()
          // Both are read anew.
          await setGrant('own/{member}/x', 'own/{member}/#', `own/{member}/${authority.now()}`)
          for (const topic of ['own/pump-1/x', 'own/pump-1/x/x', 'own/x', 'own//x', 'own/wild/x', 'own/$SYS/x'])
            expect(await publishes(wild, topic), `${topic} of ${name}`).toBe(false)
          expect(await publishes(pump, 'own/pump-1/x')).toBe(true)
          const { channels } = (await authority.ask<Keyring>('GET', routes.keyring, undefined, wild.token)).body
          expect(channels).toEqual([])
        }
      })
    })

    it('ends a connection that announces a packet above the limit', async () => {
      for (const header of [
        [0x10, 0xff, 0xff, 0xff, 0x7f],
        [0x30, 0xff, 0xff, 0xff, 0x7f],
        [0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
      ]) {
        const socket = rawSocket(authority)
        open.push(socket)
        socket.write(Uint8Array.from(header))
        socket.resume()
        await socketClosed(socket)
      }
      const pump = await credentials('pump', 'sensor')
      const client = await connect(pump)
      const dropped = closed(client)
      client.publish('iot/sensor', Buffer.alloc(1024 * 1024 + 1), { qos: 1 }, () => {})
      await dropped
      expect((await connect(pump)).connected).toBe(true)
    })
  })

  describe(`MQTT over WebSocket at the authority, ${name}`, () => {
    let authority: TestAuthority
    beforeAll(async () => {
      authority = await TestAuthority.withAdministrator(await broker.start())
    })
    afterAll(async () => {
      await authority.close()
      await broker.stop()
    })
    const url = () => `${authority.running.httpUrl.replace('http', 'ws')}/mqtt`

    it('is for programs and its own pages, not for pages from elsewhere', async () => {
      const answer = (origin: string | undefined, path = url()) =>
        new Promise<number>((resolve) => {
          const socket = new WebSocket(path, 'mqtt', origin === undefined ? {} : { origin })
          socket.on('open', () => {
            socket.close()
            resolve(101)
          })
          socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!))
          socket.on('error', () => {})
        })
      expect(await answer(undefined)).toBe(101)
      expect(await answer(authority.running.httpUrl)).toBe(101)
      for (const origin of [
        'https://evil.example',
        'null',
        'http://127.0.0.1:1',
        `${authority.running.httpUrl}.evil.example`,
      ]) {
        expect(await answer(origin), origin).toBe(403)
      }
      expect(await answer(undefined, url().replace('/mqtt', '/other'))).toBe(404)
    })

    it('reaches those who are connected otherwise, and ends with the right', async () => {
      const { token, id } = await authority.createMember('pump', 'sensor')
      const pump = await authority.addSender(token)
      const client = await mqtt.connectAsync(url(), { ...pump.broker, clientId: 'page', reconnectPeriod: 0 })
      const next = inbox(client)
      await client.subscribeAsync('iot/sensor', { qos: 1 })
      const tcp = await connectMqtt(authority, pump, { clientId: 'tcp' })
      await tcp.publishAsync('iot/sensor', 'across', { qos: 1 })
      expect(await next()).toEqual(['iot/sensor', 'across'])
      const dropped = Promise.all([closed(client), closed(tcp)])
      await authority.askAdmin('DELETE', at(routes.member, id))
      await dropped
    })
  })
}

async function names(authority: TestAuthority): Promise<string[]> {
  const { body } = await authority.askAdmin<{ name: string }[]>('GET', routes.channels)
  return body.map(({ name }) => name)
}
