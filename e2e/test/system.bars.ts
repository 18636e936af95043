import { describe } from 'vitest'
import { bar } from '../../scripts/bar.ts'
import { searchEmbedded, searchMosquitto } from './canary.ts'
import { revokeUnderDishonestBroker } from './dishonest-broker.ts'
import { checkTlsVersions } from './transport.ts'
import { refuseWrongSettings } from './wrong-settings.ts'

describe('the whole system', () => {
  bar(1, 'No payload and no key is in the embedded broker: its store, its log, its traffic', (count) =>
    searchEmbedded(2_000, count),
  )
  bar(1, 'No payload and no key is in Mosquitto: its database, its log, its traffic', (count) =>
    searchMosquitto(2_000, count),
  )
  bar(6, 'With a dishonest broker a revoked reader opens nothing of a publisher that has learned of it', (count) =>
    revokeUnderDishonestBroker(51, count),
  )
  bar(19, 'Both ports take TLS 1.2 and newer only, and nothing plain beside it', (count) => checkTlsVersions(count))
  bar(
    20,
    'Wrong settings by flag, environment and file stop the start, plain transport beyond loopback too (row 19)',
    (count) => refuseWrongSettings(count),
  )
})
