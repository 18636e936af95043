import { describe, expect, it } from 'vitest'
import { SessionWatch } from '../src/broker/mosquitto/session-watch.ts'

describe('what the log of Mosquitto tells of sessions', () => {
  const watch = () => {
    const sessions = new SessionWatch(() => 1000)
    return { sessions, take: (...lines: string[]) => lines.forEach((line) => void sessions.take(line)) }
  }
  const opened = (id: string, user: string, clean = 1, address = '127.0.0.1:57802') =>
    `New client connected from ${address} as ${id} (p2, c${clean}, k60, u'${user}').`

  it('is who is connected from where, and which sessions stay', () => {
    const { sessions, take } = watch()
    take(
      opened('a', 'sender-1'),
      opened('b', 'sender-1', 0),
      opened('c', 'sender-2', 0, '::1:1883'),
      opened('d', 'plc'),
    )
    expect(sessions.connections()).toEqual([
      { sender: 1, clientId: 'a', address: '127.0.0.1', since: 1000 },
      { sender: 1, clientId: 'b', address: '127.0.0.1', since: 1000 },
      { sender: 2, clientId: 'c', address: '::1', since: 1000 },
    ])
    expect(sessions.durableSessions(1)).toEqual(['b'])
    take(
      'Client a closed its connection.',
      'Client b disconnected.',
      'Client c been disconnected by administrative action.',
    )
    expect(sessions.connections()).toEqual([])
    expect([sessions.durableSessions(1), sessions.durableSessions(2)]).toEqual([['b'], ['c']])
    sessions.forget('b')
    expect(sessions.durableSessions(1)).toEqual([])
  })

  it('belongs to whoever connected last with the client id', () => {
    const { sessions, take } = watch()
    take(opened('same', 'sender-1', 0), opened('same', 'sender-2', 0))
    expect([sessions.durableSessions(1), sessions.durableSessions(2)]).toEqual([[], ['same']])
    take(opened('same', 'sealmq-authority'))
    expect(sessions.durableSessions(2)).toEqual([])
  })

  it('cannot be told otherwise by a client id', () => {
    const { sessions, take } = watch()
    const posing = "x (p2, c0, k60, u'sender-1')."
    take(opened(posing, 'sender-2'), opened('y\nClient z disconnected', 'sender-3'))
    expect(sessions.connections().map(({ sender }) => sender)).toEqual([2, 3])
    expect(sessions.durableSessions(1)).toEqual([])
    take('New client connected', '', 'Client', "as (p2, c0, k60, u'sender-9').")
    expect(sessions.connections()).toHaveLength(2)
  })

  it('ends with the broker, but for sessions that stay, and is bounded', () => {
    const { sessions, take } = watch()
    take(opened('a', 'sender-1'), opened('b', 'sender-1', 0))
    sessions.allClosed()
    expect(sessions.connections()).toEqual([])
    expect(sessions.durableSessions(1)).toEqual(['b'])
    for (let index = 0; index < 20_001; index++) take(opened(`many ${index}`, 'sender-4', 0))
    expect(sessions.durableSessions(1)).toEqual([])
    expect(sessions.durableSessions(4)).toHaveLength(20_000)
  })
})
