import fastifySwaggerUi from '@fastify/swagger-ui'
import type { Http } from './server.ts'

/** The API's description at /api/docs, generated from the schemas that check the requests. */
export async function documentationRoutes(http: Http): Promise<void> {
  await http.register(fastifySwaggerUi, { routePrefix: '/api/docs', staticCSP: true })
}
