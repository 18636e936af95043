import { AuthorityClient } from '@sealmq/client'

/** The authority that serves this page. The browser adds the session's cookie, which no script reads. */
export const authority = new AuthorityClient({ url: location.origin, timeout: 20_000 })

/** A path of `routes` with its `:id` filled in. */
export const at = (route: string, id: string): string => route.replace(':id', encodeURIComponent(id))
