/** The origins of the authority's own pages under these host names, as browsers write them. */
export function ownOrigins(scheme: 'http' | 'https', hosts: readonly string[], port: number): string[] {
  // URL leaves out the scheme's own port and writes names in lower case; an IPv6 address needs its brackets
  // (one with a zone is no host of a URL at all).
  return hosts.flatMap(
    (host) => URL.parse(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`)?.origin ?? [],
  )
}
