import { describe } from 'vitest'
import { bar, longestMinutes } from '../../scripts/bar.ts'
import { killAuthorityUnderTraffic, killMosquittoUnderTraffic } from './killed-mosquitto.ts'

describe('traffic over a Mosquitto that the authority governs', () => {
  bar(
    14,
    'An authority killed under traffic over Mosquitto: nothing acknowledged is lost, nothing given twice',
    (count) => killAuthorityUnderTraffic(50, longestMinutes, count),
  )
  bar(14, 'A Mosquitto killed under traffic: all come back by themselves, and each loss is told as a gap', (count) =>
    killMosquittoUnderTraffic(50, longestMinutes, count),
  )
})
