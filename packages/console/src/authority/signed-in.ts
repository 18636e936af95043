import type { DeploymentInfo, Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type QueryClient, queryOptions, useQuery } from '@tanstack/react-query'
import { authority } from './authority.ts'
import { isFailure } from './failure-text.ts'

const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async (): Promise<Me | null> => {
    try {
      return await authority.request<Me>('GET', routes.me)
    } catch (error) {
      if (isFailure(error, 'not-signed-in')) return null
      throw error
    }
  },
  // The session can end elsewhere: by an administrator, or by its time.
  refetchInterval: 60_000,
})

/** Who is signed in; null when nobody is, undefined while that is not known. */
export const useMe = () => useQuery(meQuery)

/** Notes who is signed in now, and forgets what was read for whoever was before. */
export function setMe(queries: QueryClient, me: Me | null): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'me' && queryKey[0] !== 'deployment' })
  queries.setQueryData(meQuery.queryKey, me)
}

/** Who the authority is, and whether it still needs its first administrator. */
export const useDeployment = () =>
  useQuery({
    queryKey: ['deployment'],
    queryFn: () => authority.request<DeploymentInfo>('GET', routes.deployment),
  })
