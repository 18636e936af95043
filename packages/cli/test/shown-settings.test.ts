import { describe, expect, it } from 'vitest'
import { shownSettings } from '../src/shown-settings.ts'

describe('settings that administrators are shown', () => {
  it('name where each comes from, the strongest first', () => {
    const [flag, environment, file] = [{ http: 'a:1' }, { http: 'b:1', mqtt: 'b:2' }, { mqtt: 'c:2', name: 'x' }]
    const chosen = { ...file, ...environment, ...flag, tls: false, tlsName: ['a', 'b'], smtp: null }
    expect(
      shownSettings(chosen, [
        ['flag', flag],
        ['environment', environment],
        ['file', file],
      ]).map(({ name, value, origin }) => `${name}=${value} ${origin}`),
    ).toEqual([
      'mqtt=b:2 environment',
      'name=x file',
      'http=a:1 flag',
      'tls=false default',
      'tlsName=a, b default',
      'smtp= default',
    ])
  })

  it('hold no credentials of URLs', () => {
    const urls = {
      store: 'postgres://ada:secret@db:5432/sealmq?password=secret',
      checkpointWebhook: 'https://hook.example/notes?token=secret#secret',
      broken: 'postgres://ada:secret@db:99999999/x',
    }
    const shown = shownSettings(urls, [])
    expect(shown.map(({ value }) => value)).toEqual(['postgres://db:5432/sealmq', 'https://hook.example/notes', '…'])
    expect(JSON.stringify(shown)).not.toContain('secret')
  })
})
