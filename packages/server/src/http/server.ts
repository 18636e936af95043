import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import fastifyCookie from '@fastify/cookie'
import fastifySwagger from '@fastify/swagger'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { Failure } from '@sealmq/protocol/api'
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  fastify,
  LogController,
  type RawServerDefault,
} from 'fastify'
import type { Logger } from '../logger.ts'
import { accountRoutes } from './accounts.ts'
import { auditRoutes } from './audit.ts'
import type { Authority } from './authority.ts'
import { brokerRoutes } from './broker.ts'
import { channelRoutes } from './channels.ts'
import { consoleRoutes } from './console.ts'
import { deviceRoutes, enrolmentRoutes } from './devices.ts'
import { documentationRoutes } from './documentation.ts'
import { asFailure, bodyLimit } from './failure.ts'
import { healthRoutes } from './health.ts'
import { keyringRoutes } from './keyring.ts'
import { mailRoutes } from './mail.ts'
import { memberRoutes } from './members.ts'
import { ownAccountRoutes } from './own-account.ts'
import { recordRefusal } from './refusals.ts'
import { renewalRoutes } from './renewal.ts'
import { roleRoutes } from './roles.ts'
import { senderRoutes } from './senders.ts'
import { signUpRoutes } from './sign-up.ts'
import { systemRoutes } from './system.ts'

export type Http = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse<IncomingMessage>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/**
 * Builds the HTTP API and the pages; it does not listen yet.
 * @param consoleFolder the built console; null: none is served
 */
export async function createHttpServer(
  authority: Authority,
  logger: Logger,
  tls: { key: string; cert: string } | null,
  trustProxy: boolean,
  consoleFolder: string | null,
): Promise<FastifyInstance> {
  const http = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    // One proxy, and so the last address of the header: those before it are what the client says of itself.
    trustProxy: trustProxy ? (_address, hop) => hop === 0 : false,
    forceCloseConnections: true,
    requestTimeout: 30_000,
    genReqId: () => randomUUID(),
    // What is refused before any route is found, such as a path that cannot be decoded.
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const { status, code, message } = asFailure(error)
      return reply.status(status).send({ code, message })
    },
    ...(tls ? { https: { ...tls, minVersion: 'TLSv1.2' as const } } : {}),
  }).withTypeProvider<TypeBoxTypeProvider>()
  http.setValidatorCompiler(TypeBoxValidatorCompiler)
  http.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store')
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
    if (!reply.hasHeader('content-security-policy')) {
      reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    }
  })
  http.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const failure = asFailure(error)
    if (failure.status >= 500)
      request.log.error({ route: request.routeOptions.url, error: error.stack }, 'request failed')
    await recordRefusal(authority, request, failure)
    if (failure.retryAfter !== undefined) reply.header('retry-after', String(failure.retryAfter))
    return reply.status(failure.status).send({
      code: failure.code,
      message: failure.message,
      ...(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }),
      ...(failure.factor === undefined ? {} : { factor: failure.factor }),
    })
  })
  http.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ code: 'not-found', message: 'There is nothing here. /api/docs describes the API.' }),
  )
  await http.register(fastifyCookie)
  await http.register(fastifySwagger, {
    openapi: {
      info: { title: 'SealMQ authority', version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
  })
  http.addSchema(Failure)
  for (const routes of [
    accountRoutes,
    signUpRoutes,
    ownAccountRoutes,
    senderRoutes,
    renewalRoutes,
    keyringRoutes,
    memberRoutes,
    roleRoutes,
    channelRoutes,
    mailRoutes,
    brokerRoutes,
    systemRoutes,
    deviceRoutes,
    enrolmentRoutes,
    auditRoutes,
    healthRoutes,
  ]) {
    await http.register(async (instance) => routes(instance.withTypeProvider<TypeBoxTypeProvider>(), authority))
  }
  await documentationRoutes(http)
  if (consoleFolder !== null) await http.register(async (instance) => consoleRoutes(instance as never, consoleFolder))
  return http as unknown as FastifyInstance
}
