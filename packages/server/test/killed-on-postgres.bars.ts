import { afterAll, beforeAll, describe } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { killUnderWrites } from './killed-authority.ts'
import { PostgresCluster } from './postgres-cluster.ts'

describe('the authority on PostgreSQL, killed under writes', () => {
  let cluster: PostgresCluster
  beforeAll(async () => {
    cluster = await PostgresCluster.start()
  })
  afterAll(() => cluster.stop())

  bar(
    14,
    'PostgreSQL: no acknowledged write is lost when the authority is killed, and the store is whole',
    async (count) => killUnderWrites(await cluster.createDatabase(), 200, count),
  )
})
