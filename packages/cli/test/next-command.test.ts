import { expect, it } from 'vitest'
import { accountCommand, loginCommand, nextCommand } from '../src/next-command.ts'

const account = { server: 'https://plant.example:8080', email: 'eve+shift@plant.example' }

it('gives commands as they can be pasted', () => {
  expect(loginCommand(account)).toBe('sealmq login --server https://plant.example:8080 --email eve+shift@plant.example')
  expect(accountCommand('password reset', account, '--code', 'CODE')).toContain(
    'sealmq password reset --server https://plant.example:8080',
  )
})

it('quotes what a shell would read', () => {
  expect(nextCommand('login', '--email', "o'neill; rm *")).toBe("sealmq login --email 'o'\\''neill; rm *'")
  expect(nextCommand('login', '--email', '')).toBe("sealmq login --email ''")
})
