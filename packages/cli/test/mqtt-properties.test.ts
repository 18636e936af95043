import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readProperties, shownProperties } from '../src/mqtt-properties.ts'

describe('MQTT 5 properties of messages', () => {
  it('are read as mosquitto_pub takes them, several in a row', () => {
    const words =
      'publish content-type text/csv publish user-property unit bar publish user-property unit psi publish message-expiry-interval 60'
    const properties = readProperties(words.split(' '))
    expect(properties).toEqual({
      contentType: 'text/csv',
      messageExpiryInterval: 60,
      userProperties: { unit: ['bar', 'psi'] },
    })
    expect(shownProperties(properties)).toEqual({
      'content-type': 'text/csv',
      'message-expiry-interval': 60,
      'user-properties': [{ unit: 'bar' }, { unit: 'psi' }],
    })
    expect(readProperties([])).toBeUndefined()
    expect(shownProperties({})).toBeUndefined()
  })

  it.each([
    'connect content-type a',
    'publish',
    'publish content-type',
    'publish user-property unit',
    'publish topic-alias 3',
    'publish __proto__ x',
    'publish constructor x',
    'publish message-expiry-interval 4294967296',
    'publish message-expiry-interval -1',
    'publish payload-format-indicator 2',
  ])('are refused with a sentence: %s', (words) => {
    expect(() => readProperties(words.split(' '))).toThrow(/^-D: .*It takes publish IDENTIFIER VALUE/)
  })

  it('come through whatever a user property is called', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, value) => {
        fc.pre(name !== '__proto__')
        expect(shownProperties(readProperties(['publish', 'user-property', name, value]))).toEqual({
          'user-properties': [{ [name]: value }],
        })
      }),
    )
  })
})
