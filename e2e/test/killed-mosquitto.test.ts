import { describe, it } from 'vitest'
import { uncounted } from '../../scripts/bar.ts'
import { killAuthorityUnderTraffic, killMosquittoUnderTraffic } from './killed-mosquitto.ts'

describe('traffic over a Mosquitto that the authority governs', { timeout: 300_000 }, () => {
  it('goes on when the authority is killed: nothing is lost, nothing given twice', () =>
    killAuthorityUnderTraffic(2, 3, uncounted))

  it('comes back when Mosquitto is killed, and what was lost is told', () => killMosquittoUnderTraffic(3, 3, uncounted))
})
