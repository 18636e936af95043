import { type Ticket, writeTicket } from '@sealmq/protocol'
import { describe, expect, it } from 'vitest'
import { readTicket } from '../src/device-ticket.ts'

const ticket: Ticket = {
  server: 'https://plant.example:8080',
  device: 'pump-1',
  code: 'ABCDE-FGHJK-LMNPQ-RSTUV',
  authorityKey: 'k'.repeat(43),
  ca: 'c'.repeat(43),
}
const word = writeTicket(ticket)

describe('a ticket', () => {
  it('is one word that no shell changes, and holds all of it', () => {
    expect(word).toMatch(/^SEALMQ-[\w-]+$/)
    expect(readTicket(word)).toEqual({ ...ticket, code: 'ABCDEFGHJKLMNPQRSTUV' })
    expect(readTicket(writeTicket({ ...ticket, ca: null })).ca).toBeNull()
  })

  it('is read however it was wrapped on the way', () => {
    expect(readTicket(` ${word.slice(0, 60)}\r\n  ${word.slice(60)}\n`)).toEqual(readTicket(word))
  })

  it('is refused when it is not whole, without saying what is in it', () => {
    const other = (fields: object) => `SEALMQ-${Buffer.from(JSON.stringify(fields)).toString('base64url')}`
    const whole = { v: 1, u: 'https://x', n: 'x', c: 'x', k: 'k'.repeat(43) }
    expect(readTicket(other(whole)).device).toBe('x')
    for (const bad of [
      '',
      'SEALMQ-',
      word.slice(7),
      word.slice(0, -20),
      other({ ...whole, v: 2 }),
      other({ ...whole, k: 'short' }),
      other({ ...whole, a: 7 }),
      other({ ...whole, a: '' }),
      other({ ...whole, c: '' }),
      other([]),
      'SEALMQ-bnVsbA',
    ]) {
      expect(() => readTicket(bad), bad).toThrow(/^This is no ticket/)
    }
  })
})
