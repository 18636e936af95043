import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ownOrigins } from '../src/http/own-origins.ts'
import { TestAuthority } from './test-authority.ts'

describe('own origins', () => {
  it('are written as browsers do: without the scheme’s own port, with brackets, in lower case', () => {
    expect(ownOrigins('https', ['Plant.example', '::1'], 443)).toEqual(['https://plant.example', 'https://[::1]'])
    expect(ownOrigins('http', ['127.0.0.1'], 80)).toEqual(['http://127.0.0.1'])
    expect(ownOrigins('https', ['plant.example', '0:0:0:0:0:0:0:1'], 80)).toEqual([
      'https://plant.example:80',
      'https://[::1]:80',
    ])
  })

  it('are let in on an IPv6 address', async () => {
    const authority = await TestAuthority.start({ http: { host: '::1', port: 0 } })
    const { httpUrl } = authority.running
    const status = await new Promise<number>((resolve) => {
      const socket = new WebSocket(`${httpUrl.replace('http', 'ws')}/mqtt`, 'mqtt', { origin: httpUrl })
      socket.on('open', () => {
        socket.close()
        resolve(101)
      })
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode!))
      socket.on('error', () => {})
    })
    await authority.close()
    expect([new URL(httpUrl).hostname, status]).toEqual(['[::1]', 101])
  })
})
