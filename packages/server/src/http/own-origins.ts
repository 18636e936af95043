/** The origins of the authority's own pages under these host names, as browsers write them. */
export function ownOrigins(scheme: 'http' | 'https', hosts: readonly string[], port: number): string[] {
  // URL leaves out the scheme's own port and writes names in lower case; an IPv6 address needs its brackets.
  return hosts.map((host) => new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`).origin)
}
