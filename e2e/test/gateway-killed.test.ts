import { describe, it } from 'vitest'
import { uncounted } from '../../scripts/bar.ts'
import { killGateway } from './killed-gateway.ts'

describe('a gateway that is killed in full flow', () => {
  it('loses nothing that it acknowledged, and keeps the order', { timeout: 300_000 }, () =>
    killGateway(3, 3, uncounted),
  )
})
