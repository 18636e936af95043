import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { ended, Installation, serve, temporaryFolder } from './sealmq-process.ts'

/** With TLS, both ports take TLS 1.2 and 1.3, nothing older and nothing plain. */
export async function checkTlsVersions(count: Count): Promise<void> {
  const installation = new Installation()
  const data = temporaryFolder()
  const { child, http, mqtt } = await serve(installation, data, '--tls')
  const ca = readFileSync(join(data, 'tls', 'ca.pem'))
  for (const url of [http, mqtt]) {
    const port = Number(new URL(url).port)
    for (const version of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const) {
      const isNew = version >= 'TLSv1.2'
      expect(await shakesHands(port, ca, version), `${version} on ${url}`).toBe(isNew)
      count('handshakes')
    }
  }
  const plainHttp = await fetch(http.replace('https', 'http')).then(
    ({ status }) => status,
    () => 'refused',
  )
  expect(plainHttp).toBe('refused')
  count('plain attempts')
  child.kill('SIGTERM')
  await ended(child)
}

/** A client that would take old versions and weak ciphers: it is the server that refuses. */
async function shakesHands(port: number, ca: Buffer, version: SecureVersion): Promise<boolean> {
  const ciphers = 'DEFAULT@SECLEVEL=0'
  const socket = connect({ port, host: '127.0.0.1', ca, ciphers, minVersion: version, maxVersion: version })
  const shaken = once(socket, 'secureConnect').then(
    () => socket.getProtocol() === version,
    () => false,
  )
  const result = await shaken
  socket.destroy()
  return result
}
