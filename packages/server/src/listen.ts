import type { Server } from 'node:net'
import { StartError } from './authority-error.ts'

/**
 * Listens, and says what to do when it cannot.
 * @throws StartError `port-in-use`, `address-unusable`
 */
export function listenOn(server: Server, host: string, port: number, flag: '--http' | '--mqtt'): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new StartError(
              'port-in-use',
              `${host}:${port} of ${flag} is taken by another program. Stop that program or give another ${flag} HOST:PORT.`,
            )
          : new StartError(
              'address-unusable',
              `${flag} cannot listen on ${host}:${port} (${error.code}). Give another HOST:PORT.`,
            ),
      )
    })
    server.listen(port, host, () => resolve())
  })
}
