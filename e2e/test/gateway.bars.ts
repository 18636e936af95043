import { describe } from 'vitest'
import { bar, longestMinutes } from '../../scripts/bar.ts'
import { killGateway } from './killed-gateway.ts'

describe('the gateway', () => {
  bar(14, 'A gateway killed in full flow loses nothing that it acknowledged', (count) =>
    killGateway(200, longestMinutes, count),
  )
})
