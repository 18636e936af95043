import { describe, expect, it } from 'vitest'
import { readEmails, readOriginalUsers } from '../src/original-users.ts'

const users = { 'user-a': { password: 'x', role: 'sensor' }, 'user-b': { password: 'y', role: 'viewer' } }
const text = JSON.stringify({ 'user-a': { ...users['user-a'], attempts: 2, lock_time: 0 }, 'user-b': users['user-b'] })

describe('users.json of the original', () => {
  it('gives hash and role of each user, and nothing else', () => {
    expect(readOriginalUsers('users.json', text)).toEqual(users)
    expect(readOriginalUsers('users.json', `\uFEFF${text}`)).toEqual(users)
  })

  it('takes any user name as a name', () => {
    const read = readOriginalUsers('users.json', '{"__proto__":{"password":"x","role":"y"}}')
    expect(Object.entries(read)).toEqual([['__proto__', { password: 'x', role: 'y' }]])
  })

  it('says in which line it is no JSON', () => {
    const damaged = '{\n  "user-a": {\n    "password": "x"\n    "role": "sensor"\n  }\n}\n'
    expect(() => readOriginalUsers('users.json', damaged)).toThrow('users.json: line 4: it is no JSON from there on.')
  })

  it.each([
    ['[]', 'no object of users'],
    ['null', 'no object of users'],
    ['{}', 'it has no users'],
    ['{"eve":null}', 'the user eve has no password or no role'],
    ['{"eve":{"password":1,"role":"sensor"}}', 'the user eve'],
    ['{"eve":{"password":"x"}}', 'the user eve'],
  ])('refuses %s', (content, reason) => {
    expect(() => readOriginalUsers('users.json', content)).toThrow(reason)
  })
})

describe('addresses by user', () => {
  const read = (csv: string) => readEmails('emails.csv', csv, users)

  it('reads lines, with a head or without, as spreadsheets write them', () => {
    const expected = { 'user-a': 'a@plant.example', 'user-b': 'b+shift@plant.example' }
    expect(read('user-a,a@plant.example\nuser-b,b+shift@plant.example')).toEqual(expected)
    expect(read('\uFEFFUser,Email\r\n\r\n"user-a", a@plant.example \r\nuser-b,"b+shift@plant.example"\r\n')).toEqual(
      expected,
    )
    expect(read('')).toEqual({})
  })

  it.each([
    ['user-a', 'line 1: it is not user,email'],
    ['user,email\nuser-a,a@plant.example,x', 'line 2: it is not user,email'],
    ['user,email\nuser-a,', 'line 2: it is not user,email'],
    ['user-a,a@plant.example\n\n,b@plant.example', 'line 3: it is not user,email'],
    ['user-a,nowhere', 'line 1: nowhere is no email address'],
    ['user-c,c@plant.example', 'line 1: there is no user user-c to import'],
    ['toString,c@plant.example', 'line 1: there is no user toString to import'],
    ['user-a,a@plant.example\nuser-a,b@plant.example', 'line 2: user-a is there twice'],
    ['user-a,a@plant.example\nuser,email', 'line 2: email is no email address'],
  ])('refuses %j', (csv, reason) => {
    expect(() => read(csv)).toThrow(`emails.csv: ${reason}`)
  })
})
