import { describe, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { killUnderWrites } from './killed-authority.ts'

describe('the authority', () => {
  it('loses no acknowledged write when it is killed', () => killUnderWrites(null, 2, uncounted), 180_000)
})
