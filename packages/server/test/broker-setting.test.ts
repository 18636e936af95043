import { describe, expect, it } from 'vitest'
import { type BrokerFlags, readBrokerSetting } from '../src/index.ts'

const flags: BrokerFlags = {
  broker: 'mosquitto://127.0.0.1:1883',
  brokerUser: 'sealmq-authority',
  brokerPassword: 'the secret\n',
  brokerCa: null,
  brokerUrl: null,
  brokerWait: false,
  brokerAllowAnonymous: false,
  brokerExclusive: false,
  brokerReportOnly: false,
  allowPlain: false,
}
const read = (different: Partial<BrokerFlags>) => readBrokerSetting({ ...flags, ...different })
const codeOf = (different: Partial<BrokerFlags>) => {
  try {
    read(different)
    return null
  } catch (error) {
    expect((error as Error).message).not.toContain('the secret')
    return (error as { code: string }).code
  }
}

describe('the setting of a broker apart', () => {
  it('is an address with a port of its own or the usual one, by TLS or plain', () => {
    expect(read({})?.address).toEqual({
      host: '127.0.0.1',
      port: 1883,
      tls: false,
      ca: null,
      username: 'sealmq-authority',
      password: 'the secret',
    })
    expect(read({ broker: 'mosquittos://Plant.example' })?.address).toMatchObject({ port: 8883, tls: true })
    expect(read({ broker: 'mosquittos://[::1]:9' })?.address).toMatchObject({ host: '::1', port: 9 })
    expect(read({ broker: 'mosquitto://plant.example', allowPlain: true })?.address.tls).toBe(false)
    expect(read({ broker: null, brokerPassword: null })).toBeNull()
  })

  it('is refused when it is no broker, would show passwords, or lacks something', () => {
    for (const broker of [
      'http://127.0.0.1',
      'mosquitto://',
      'mosquitto://a b',
      'mosquitto://h:0',
      'mosquitto://h:70000',
      '',
    ])
      expect(codeOf({ broker }), broker).toBe('bad-setting')
    expect(codeOf({ broker: 'mosquitto://user:the secret@127.0.0.1' })).toBe('bad-setting')
    expect(codeOf({ broker: 'mosquitto://plant.example:1883' })).toBe('plain-refused')
    expect(codeOf({ brokerPassword: null })).toBe('bad-setting')
    // The authority would take the administrator for its own observer.
    expect(codeOf({ brokerUser: 'sealmq-observer' })).toBe('bad-setting')
    expect(codeOf({ brokerPassword: '\n' })).toBe('bad-setting')
    expect(codeOf({ broker: null })).toBe('bad-setting')
    for (const brokerUrl of ['plant.example', 'mqtt://plant.example', 'http://plant.example:1', 'mqtt://a@b:1'])
      expect(codeOf({ brokerUrl }), brokerUrl).toBe('bad-setting')
    expect(read({ brokerUrl: 'mqtts://plant.example:8883' })?.publicUrl).toBe('mqtts://plant.example:8883')
  })
})
