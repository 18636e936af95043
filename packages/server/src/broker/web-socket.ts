import { type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { GuardedConnection } from './guarded-connection.ts'

/** Bytes that a connection by WebSocket may send before it has signed in; as frames, maybe with what follows its CONNECT. */
const strangerLength = 64 * 1024

export interface WebSocketOptions {
  ownOrigins: () => readonly string[]
  /** Of an MQTT packet, bytes. */
  maximumPacketLength: number
  /** Takes a connection over; null when it was dropped. */
  accept: (socket: Duplex & { remoteAddress?: string | undefined }) => GuardedConnection | null
  /** Whether it has not signed in yet. */
  isStranger: (connection: GuardedConnection) => boolean
}

/** Takes MQTT over WebSocket at /mqtt of an HTTP server; foreign Origins are refused. */
export function acceptWebSockets(server: Server, options: WebSocketOptions): WebSocketServer {
  const { ownOrigins, maximumPacketLength, accept, isStranger } = options
  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: maximumPacketLength + 5,
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : false),
  })
  server.on('upgrade', (request, socket, head) => {
    // Node has taken its own listener off: unheard, a peer that resets would end the process.
    socket.on('error', () => socket.destroy())
    const { origin } = request.headers
    if (request.url?.split('?')[0] !== '/mqtt') refuseUpgrade(socket, 404)
    // A browser always sends an Origin; programs that are none need no protection from other sites.
    else if (origin !== undefined && !ownOrigins().includes(origin)) refuseUpgrade(socket, 403)
    else {
      webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        const stream = createWebSocketStream(webSocket)
        const { remoteAddress, bytesRead } = request.socket
        const connection = accept(Object.assign(stream, { remoteAddress }))
        // A frame is kept until it is complete, out of sight of the packet guard.
        request.socket.on('data', () => {
          if (!connection || !isStranger(connection)) return
          if (request.socket.bytesRead - bytesRead > strangerLength)
            connection.dropFor('sends too much before it signs in')
        })
      })
    }
  })
  return webSockets
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
