import { afterAll, beforeAll, describe } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import type { Database } from '../src/store/schema.ts'
import { PostgresCluster } from './postgres-cluster.ts'
import { testOptions } from './test-authority.ts'

/** One of the two engines of the store, as a test uses it. */
export interface TestEngine {
  name: 'sqlite' | 'postgres'
  /** A new, empty store, for `ServeOptions.store`. */
  newStore(): Promise<string | null>
  /** Connections to one new store: on PostgreSQL several pools, as several authorities would have. */
  openSeveral(count: number): Promise<Database[]>
}

/** Runs the same tests on SQLite and on PostgreSQL. */
export function onEachEngine(title: string, tests: (engine: TestEngine) => void): void {
  describe.each(['sqlite', 'postgres'] as const)(`${title} (%s)`, (name) => {
    let cluster: PostgresCluster | null = null
    const opened: Database[] = []
    beforeAll(async () => {
      if (name === 'postgres') cluster = await PostgresCluster.start()
    })
    afterAll(async () => {
      for (const store of opened) await store.destroy()
      await cluster?.stop()
    })
    tests({
      name,
      newStore: async () => (cluster ? cluster.createDatabase() : null),
      openSeveral: async (count) => {
        const url = cluster ? await cluster.createDatabase() : null
        const location = url ?? `${testOptions().dataDir}/sealmq.db`
        const first = await openStore(location)
        const others = url ? await Promise.all(Array.from({ length: count - 1 }, () => openStore(url))) : []
        opened.push(first, ...others)
        return [first, ...others]
      },
    })
  })
}

/** All of it at once, in turn by each of the connections. */
export const inParallel = <S, T>(count: number, by: readonly S[], work: (store: S, index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(by[index % by.length]!, index)))
