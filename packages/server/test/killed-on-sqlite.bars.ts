import { describe } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { killUnderWrites } from './killed-authority.ts'

describe('the authority on SQLite, killed under writes', () => {
  bar(14, 'SQLite: no acknowledged write is lost when the authority is killed, and the store is whole', (count) =>
    killUnderWrites(null, 200, count),
  )
})
