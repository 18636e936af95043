import { describe, it } from 'vitest'
import { uncounted } from '../../scripts/bar.ts'
import { searchEmbedded, searchMosquitto } from './canary.ts'
import { revokeUnderDishonestBroker } from './dishonest-broker.ts'
import { checkTlsVersions } from './transport.ts'

describe('brokers', () => {
  it('of the authority hold no payload and no key', () => searchEmbedded(10, uncounted))
  it('of others hold no payload and no key', () => searchMosquitto(10, uncounted))
  it('that are dishonest help no revoked reader', () => revokeUnderDishonestBroker(3, uncounted))
})

describe('transport', () => {
  it('is TLS 1.2 or newer when TLS is asked for', () => checkTlsVersions(uncounted))
})
