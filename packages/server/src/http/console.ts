import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** The console's pages; each is the same document, in which the path chooses what is shown. */
export const consolePages = [
  '/',
  '/account',
  '/admin',
  '/admin/start',
  '/admin/channels',
  '/admin/roles',
  '/admin/devices',
  '/admin/clients',
  '/admin/system',
  '/audit',
  '/publish',
  '/subscribe',
  '/traffic',
  '/sign-up',
  '/forgot-password',
] as const

/** What the build of the console leaves where a page's nonce belongs. */
const noncePlace = 'NONCE_OF_THIS_PAGE'

/** The worker that holds a tab's keys: it loads no further script, and reaches the authority and its broker only. */
const sealingWorker = /[/\\]sealing-worker-[\w-]+\.js$/
const sealingWorkerPolicy = "default-src 'none'; connect-src 'self'"

/**
 * Serves the built console.
 * @param folder index.html and assets/
 */
export async function consoleRoutes(http: FastifyInstance, folder: string): Promise<void> {
  const document = await readFile(join(folder, 'index.html'), 'utf8')
  await http.register(fastifyStatic, {
    root: join(folder, 'assets'),
    prefix: '/assets/',
    index: false,
    // Their names change with what they hold. The header is set for all others as "never kept".
    cacheControl: false,
    setHeaders: (reply, path) => {
      // A worker has the policy of its own file, and not that of the page.
      if (sealingWorker.test(path)) reply.header('content-security-policy', sealingWorkerPolicy)
      reply.header('cache-control', 'public, max-age=31536000, immutable')
    },
  })
  for (const page of consolePages) {
    http.get(page, { schema: { hide: true } }, async (_request, reply) => {
      const nonce = randomBytes(16).toString('base64')
      reply.header('content-security-policy', pagePolicy(nonce))
      reply.header('cross-origin-opener-policy', 'same-origin')
      return reply.type('text/html; charset=utf-8').send(document.replaceAll(noncePlace, nonce))
    })
  }
}

// Scripts are files of ours only. Styles that components make while they run carry the nonce of the page.
const pagePolicy = (nonce: string) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
