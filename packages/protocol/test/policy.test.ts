import {
  type ChannelRights,
  decideDelivery,
  decidePublish,
  decideSubscribe,
  filterCovers,
  narrowSubscription,
  topicMatches,
} from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const rights: ChannelRights[] = [
  { channel: 'sensor', filters: ['iot/sensor/#'], publish: true, subscribe: true },
  { channel: 'control', filters: ['iot/control', 'iot/pump/+'], publish: false, subscribe: true },
  { channel: 'login', filters: ['iot/login/#'], publish: true, subscribe: false },
  { channel: 'admin', filters: ['iot/admin/#'], publish: false, subscribe: false },
]
const allowed = (decision: { allowed: boolean }) => decision.allowed

describe('publishing', () => {
  it.each([
    ['iot/sensor', true],
    ['iot/sensor/1/a', true],
    ['iot/login/x', true],
    ['iot/control', false],
    ['iot/admin/x', false],
    ['iot/other', false],
    ['iot/sensor/+', false],
    ['iot/sensor/#', false],
    ['$SYS/x', false],
    ['$share/g/iot/sensor', false],
    ['', false],
    ['iot/sensor\u0000', false],
    ['IOT/sensor', false],
    ['iot/sensor2', false],
  ])('%s: %s', (topic, expected) => expect(allowed(decidePublish(rights, topic))).toBe(expected))
})

describe('subscribing', () => {
  it.each([
    ['iot/sensor/#', true],
    ['iot/sensor', true],
    ['iot/sensor/+/a', true],
    ['iot/control', true],
    ['iot/pump/set', true],
    ['iot/control/#', false],
    ['iot/+', false],
    ['iot/#', false],
    ['#', false],
    ['+/sensor', false],
    ['iot/login/x', false],
    ['iot/admin/#', false],
    ['$SYS/#', false],
    ['$share/g/iot/sensor/#', false],
    ['$share', false],
    ['iot/sensor/#/x', false],
    ['', false],
  ])('%s: %s', (filter, expected) => {
    const decision = decideSubscribe(rights, filter)
    expect(decision.allowed).toBe(expected)
    if (!decision.allowed) expect(decision.rule).toMatch(/\.$/)
  })

  it('cuts a wide filter to what is granted', () => {
    expect(narrowSubscription(rights, '#')).toEqual(['iot/sensor/#', 'iot/control', 'iot/pump/+'])
    expect(narrowSubscription(rights, 'iot/sensor/1')).toEqual(['iot/sensor/1'])
    expect(narrowSubscription(rights, 'iot/admin/#')).toEqual([])
    expect(narrowSubscription(rights, '$SYS/#')).toEqual([])
    expect(narrowSubscription(rights, '$share/g/#')).toEqual([])
  })

  it('never gives more than is granted, and what it gives may be subscribed and delivered', () => {
    const level = fc.constantFrom('iot', 'sensor', 'control', 'pump', 'login', 'admin', '+', '')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/') || '#')
    const topic = fc
      .array(level, { minLength: 1, maxLength: 4 })
      .map((levels) => levels.join('/').replaceAll('+', 'x') || 'x')
    fc.assert(
      fc.property(filter, topic, (filter, topic) => {
        const parts = narrowSubscription(rights, filter)
        for (const part of parts) {
          expect(decideSubscribe(rights, part).allowed, part).toBe(true)
          expect(filterCovers(filter, part), part).toBe(true)
        }
        const delivered = topicMatches(filter, topic) && decideDelivery(rights, topic).allowed
        expect(parts.some((part) => topicMatches(part, topic))).toBe(delivered)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('without rights', () => {
  it('allows nothing', () => {
    expect(allowed(decidePublish([], 'a'))).toBe(false)
    expect(allowed(decideSubscribe([], 'a'))).toBe(false)
    expect(allowed(decideDelivery([], 'a'))).toBe(false)
    expect(narrowSubscription([], '#')).toEqual([])
    expect(allowed(decideDelivery(rights, '$SYS/x'))).toBe(false)
    expect(allowed(decideDelivery(rights, 'iot/login'))).toBe(false)
  })
})
