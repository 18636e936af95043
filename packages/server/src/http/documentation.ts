import fastifySwaggerUi from '@fastify/swagger-ui'
import type { Http } from './server.ts'

// Everything from here; Swagger UI styles elements in place and draws with data: images.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The API's description at /api/docs, generated from the schemas that check the requests. */
export async function documentationRoutes(http: Http): Promise<void> {
  await http.register(fastifySwaggerUi, { routePrefix: '/api/docs', staticCSP: policy })
}
