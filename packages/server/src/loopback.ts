import { isIP } from 'node:net'

/** Whether a host of a setting is this machine, so that nobody else can read what goes there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
