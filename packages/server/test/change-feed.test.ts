import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect as connectTo, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { routes } from '@sealmq/protocol/api'
import { fastify } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ChangeFeed } from '../src/administration/change-feed.ts'
import type { Authority } from '../src/http/authority.ts'
import { keyringRoutes } from '../src/http/keyring.ts'
import type { Http } from '../src/http/server.ts'
import { newSecret } from '../src/identity/secrets.ts'
import { loadDeployment } from '../src/keys/authority-key.ts'
import { loadMasterKey } from '../src/keys/master-key.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Database } from '../src/store/schema.ts'
import { addSender } from './add-sender.ts'
import { testOptions } from './test-authority.ts'
import { collectUncaught } from './uncaught.ts'

describe('the change feed', () => {
  const uncaught = collectUncaught()
  const undo: (() => unknown)[] = []
  const token = newSecret()
  let feed: ChangeFeed
  let store: Database
  let path: string
  let answers: ServerResponse[]

  beforeEach(async () => {
    const { dataDir } = testOptions()
    store = await openStore(join(dataDir, 'sealmq.db'))
    undo.push(() => store.destroy())
    await loadDeployment(store, await loadMasterKey(null, join(dataDir, 'master.key'), true), null)
    await addSender(store, token)
    feed = new ChangeFeed()
    const http = fastify({ forceCloseConnections: true })
    keyringRoutes(http as unknown as Http, { store, feed, now: () => Date.now() } as unknown as Authority)
    answers = []
    http.server.on('request', (_request, answer) => answers.push(answer))
    // The system keeps far less for a slow reader of such a socket than of a TCP one.
    path = join(dataDir, 'socket')
    await http.listen({ path })
    undo.push(() => http.close())
  })
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  /** Listens, and gives both ends once the feed has begun; the listener reads no further. */
  async function listen(): Promise<{ listener: Socket; answer: ServerResponse }> {
    const listener = connectTo(path)
    undo.push(() => listener.destroy())
    listener.on('error', () => {})
    listener.write(`GET ${routes.changes} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    let text = ''
    while (!text.includes('event: change')) text += (await once(listener, 'data'))[0]
    listener.pause()
    return { listener, answer: answers.at(-1)! }
  }
  /** Changes follow one another until it holds, or something went wrong. */
  async function changeUntil(condition: () => boolean): Promise<void> {
    for (let revision = 1; !condition() && uncaught.length === 0; revision++) {
      feed.announce(revision)
      await turn()
    }
  }

  it('outlives a revoked listener that reads nothing', async () => {
    const { answer } = await listen()
    await changeUntil(() => answer.writableLength > 1000)
    await store.updateTable('senders').set({ revoked_at: 1 }).execute()
    await changeUntil(() => answer.closed)
    expect(uncaught).toEqual([])
    expect(feed.listeners).toBe(0)
  })

  it('drops a listener that reads nothing, before much waits for it', async () => {
    const { answer } = await listen()
    await changeUntil(() => answer.closed || answer.writableLength > 128 * 1024)
    expect(answer.closed).toBe(true)
    expect(feed.listeners).toBe(0)
    expect(uncaught).toEqual([])
  })

  it('drops the oldest of seventeen listeners of one sender', async () => {
    const oldest = await listen()
    for (let more = 1; more < 16; more++) await listen()
    const dropped = new Promise((resolve) => oldest.answer.once('close', resolve))
    await listen()
    await dropped
    expect(answers.map(({ closed }) => closed)).toEqual([true, ...Array(16).fill(false)])
    expect(feed.listeners).toBe(16)
  })

  it('misses no change that happens while the first revision is read', async () => {
    const listener = connectTo(path)
    undo.push(() => listener.destroy())
    feed.listen = ((original) => (heard) => {
      const stop = original.call(feed, heard)
      feed.announce(77)
      return stop
    })(feed.listen)
    listener.write(`GET ${routes.changes} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    let text = ''
    while (!text.includes('"revision":0')) text += (await once(listener, 'data'))[0]
    expect(text.indexOf('"revision":77')).toBeGreaterThan(0)
    expect(text.indexOf('"revision":77')).toBeLessThan(text.indexOf('"revision":0'))
  })
})
