import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FastifyInstance, fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consolePages, consoleRoutes } from '../src/http/console.ts'

describe('the pages of the console', () => {
  let folder: string
  let http: FastifyInstance
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealmq-console-'))
    await mkdir(join(folder, 'assets'))
    await writeFile(
      join(folder, 'index.html'),
      '<style nonce="NONCE_OF_THIS_PAGE"></style><meta nonce="NONCE_OF_THIS_PAGE">',
    )
    await writeFile(join(folder, 'assets', 'page-1.js'), 'export {}')
    await writeFile(join(folder, 'assets', 'sealing-worker-a1_B2-c.js'), 'export {}')
    await writeFile(join(folder, 'assets', 'not-sealing-worker-1.js.map'), '{}')
    await writeFile(join(folder, 'secret'), 'not for the web')
    http = fastify()
    await consoleRoutes(http, folder)
  })
  afterAll(async () => {
    await http.close()
    await rm(folder, { recursive: true })
  })

  it('come each with a nonce of their own, and let in no script but files from here', async () => {
    const nonces = new Set<string>()
    for (const url of [...consolePages, ...consolePages]) {
      const { statusCode, headers, body } = await http.inject(url)
      expect(statusCode).toBe(200)
      const policy = String(headers['content-security-policy'])
      const nonce = /'nonce-([^']+)'/.exec(policy)![1]!
      nonces.add(nonce)
      expect(body).toBe(`<style nonce="${nonce}"></style><meta nonce="${nonce}">`)
      expect(policy).toContain("default-src 'none'; script-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toMatch(/unsafe|\*|https?:/)
    }
    expect(nonces.size).toBe(2 * consolePages.length)
  })

  it('let the worker that holds the keys reach the authority, and load nothing more', async () => {
    const policy = async (name: string) => (await http.inject(`/assets/${name}`)).headers['content-security-policy']
    expect(await policy('sealing-worker-a1_B2-c.js')).toBe("default-src 'none'; connect-src 'self'")
    // The server gives all others that of the API, in which nothing may be reached.
    expect(await policy('page-1.js')).toBeUndefined()
    expect(await policy('not-sealing-worker-1.js.map')).toBeUndefined()
  })

  it('give out the files of the build and nothing beside them', async () => {
    const file = await http.inject('/assets/page-1.js')
    expect(file).toMatchObject({ statusCode: 200, body: 'export {}' })
    expect(file.headers['cache-control']).toContain('immutable')
    for (const path of [
      '/assets/',
      '/assets',
      '/assets/../secret',
      '/assets/%2e%2e/secret',
      '/assets/..%2fsecret',
      '/secret',
      '/index.html',
    ]) {
      const { statusCode, body } = await http.inject(path)
      expect(statusCode, path).toBeGreaterThanOrEqual(400)
      expect(body).not.toContain('not for the web')
    }
  })
})
