import { request } from 'node:https'
import { routes } from '@sealmq/protocol/routes'
import { CommandError, exitCodes } from './exit-codes.ts'

const longest = 64 * 1024
const timeout = 10_000

/**
 * The certificate of the CA that an authority says is its own, PEM. Nothing vouches for it yet: whoever asks compares its
 * fingerprint with one that came another way. @throws CommandError `authority-unreachable`, `ca-needed`
 */
export function fetchCa(server: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (text: string) =>
      reject(new CommandError('authority-unreachable', `${server}: ${text}.`, exitCodes.authorityUnreachable))
    const options = { rejectUnauthorized: false, agent: false as const, timeout }
    const sent = request(`${server}${routes.ca}`, options, (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
        if (text.length > longest) response.destroy(new Error('the answer is too long'))
      })
      response.on('error', (error) => fail(error.message))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else
          reject(
            new CommandError(
              'ca-needed',
              `${server} does not give the certificate of its CA. Give it with --ca FILE.`,
              exitCodes.authorityUnreachable,
            ),
          )
      })
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    sent.end()
  })
}
