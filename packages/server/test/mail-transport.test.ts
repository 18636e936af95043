import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SMTPServerOptions } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { MailSetting } from '../src/mail/mail.ts'
import { outboxTransport } from '../src/mail/outbox-transport.ts'
import { type SmtpTimes, smtpTransport } from '../src/mail/transport.ts'
import type { Tls } from '../src/tls/load-tls.ts'
import { localTls } from '../src/tls/local-authority.ts'
import { TestMailServer } from './test-mail-server.ts'
import { code, TestPost } from './test-post.ts'

const plain: SMTPServerOptions = { disabledCommands: ['STARTTLS', 'AUTH'] }
const password = 'a password that nobody else has'
const login: SMTPServerOptions = {
  authOptional: false,
  onAuth: (auth, _session, done) =>
    auth.username === 'sealmq' && auth.password === password
      ? done(null, { user: auth.username })
      : done(Object.assign(new Error(`No ${auth.password} of ${auth.username}`), { responseCode: 535 })),
}

/** An SMTP refusal of ada only. */
const refuse =
  (responseCode: number, text: string): NonNullable<SMTPServerOptions['onRcptTo']> =>
  ({ address }, _session, done) =>
    address.startsWith('ada') ? done(Object.assign(new Error(text), { responseCode })) : done()

let post: TestPost
let server: TestMailServer | null = null
let tls: Tls
let certificates: string
beforeAll(async () => {
  certificates = await mkdtemp(join(tmpdir(), 'sealmq-mail-tls-'))
  tls = await localTls(certificates, [], Date.now())
})
afterAll(() => rm(certificates, { recursive: true }))
beforeEach(async () => {
  post = await TestPost.open()
})
afterEach(async () => {
  await post.close()
  await server?.close()
  server = null
})

const withTls = (): SMTPServerOptions => ({ key: tls.key, cert: tls.cert })
const listen = async (options: SMTPServerOptions, port = 0) => {
  server = await TestMailServer.start(options, port)
  return server
}
const queueTo = (port: number, more: Partial<MailSetting> = {}, times?: SmtpTimes) => {
  const setting = { host: '127.0.0.1', port, secure: false, user: null, password: null, allowPlain: false, ...more }
  return post.queue(smtpTransport({ from: 'SealMQ <sealmq@plant.example>', ...setting }, times))
}
/** Stores one mail and sends it. */
const send = async (queue: ReturnType<typeof queueTo>, more = {}) => {
  await queue.enqueue(post.store, post.mail(more))
  queue.wake()
}

describe('the mail server', () => {
  it('gets the mail in plain on loopback, from and to whom it is, with the code on its line', async () => {
    const { port, received } = await listen(plain)
    const queue = queueTo(port)
    await send(queue, { subject: 'Código' })
    await post.journal.entries('mail handed over')
    expect(received).toMatchObject([{ from: 'sealmq@plant.example', to: ['ada@plant.example'], secure: false }])
    const { raw } = received[0]!
    expect(raw).toContain(`\r\n\r\n${code}\r\n`)
    expect(raw).toMatch(/^From: SealMQ <sealmq@plant\.example>\r$/m)
    expect(raw).toMatch(/^Subject: =\?UTF-8\?/m)
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
    expect(raw).not.toMatch(/^X-Mailer/im)
    expect(await queue.waiting()).toBe(0)
  })

  it.each([
    ['STARTTLS where it is offered', false],
    ['TLS from the first byte', true],
  ])('is spoken to with %s', async (_name, secure) => {
    const { port, received } = await listen({ ...withTls(), secure })
    await send(queueTo(port, { secure, host: 'localhost' }))
    await post.journal.entries('mail handed over')
    expect(received).toMatchObject([{ secure: true }])
  })

  // 0.0.0.0 leads to this machine, and no setting counts it as loopback: another host, as far as the transport knows.
  it.each([
    ['without STARTTLS', plain, false, 'does not offer STARTTLS'],
    ['with a certificate of an unknown authority after STARTTLS', {}, false, 'certificate'],
    ['with a certificate of an unknown authority', { secure: true }, true, 'certificate'],
  ])('gets nothing elsewhere %s', async (_name, options, secure, reason) => {
    const { port, received } = await listen({ ...withTls(), ...options })
    await send(queueTo(port, { host: '0.0.0.0', secure }))
    const [line] = await post.journal.entries('mail not handed over')
    expect(line?.reason).toContain(reason)
    expect(received).toHaveLength(0)
  })

  it('is spoken to in plain elsewhere when that is allowed', async () => {
    const { port } = await listen(plain)
    await send(queueTo(port, { host: '0.0.0.0', allowPlain: true }))
    await server?.mails(1)
  })

  it('lets in with the right password', async () => {
    const { port, received } = await listen({ ...withTls(), ...login })
    await send(queueTo(port, { user: 'sealmq', password }))
    await post.journal.entries('mail handed over')
    expect(received).toMatchObject([{ user: 'sealmq', secure: true }])
  })

  it('keeps the mail waiting and the password unsaid when it refuses the login', async () => {
    const { port, received } = await listen({ ...withTls(), ...login })
    const queue = queueTo(port, { user: 'sealmq', password: 'a wrong password' })
    await send(queue)
    const [line] = await post.journal.entries('mail not handed over')
    expect(line?.reason).toBe('The mail server refused --smtp-user with its password (535).')
    await expect(queue.test('ada@plant.example')).rejects.toMatchObject({
      code: 'mail-failed',
      status: 502,
      message: expect.stringContaining('refused --smtp-user with its password (535)'),
    })
    expect(JSON.stringify(post.journal.lines)).not.toContain('a wrong password')
    expect(received).toHaveLength(0)
    expect(await queue.waiting()).toBe(1)
  })

  it('gets no mail without the login that was set, even if it asks for none', async () => {
    const { port, received } = await listen(plain)
    await send(queueTo(port, { user: 'sealmq', password }))
    await post.journal.entries('mail not handed over')
    expect(received).toHaveLength(0)
  })

  it('gets the mail once when it was away and comes back', async () => {
    const { port } = await listen(plain)
    await server?.close()
    const queue = queueTo(port)
    await send(queue)
    const [line] = await post.journal.entries('mail not handed over')
    expect(line).toMatchObject({
      recipient: 'a***@plant.example',
      reason: 'The mail server of --smtp cannot be reached (ECONNREFUSED).',
    })
    expect(await queue.waiting()).toBe(1)
    await post.time.delay()
    const { received } = await listen(plain, port)
    await post.time.elapse()
    await post.journal.entries('mail handed over')
    expect(received).toHaveLength(1)
    expect(await queue.waiting()).toBe(0)
  })

  it('gets further mail over a new connection when it closed the old one', async () => {
    const { port } = await listen(plain)
    const queue = queueTo(port)
    await send(queue, { subject: '1' })
    await post.journal.entries('mail handed over')
    await server?.close()
    const { received } = await listen(plain, port)
    await send(queue, { subject: '2' })
    await post.journal.entries('mail handed over', 2)
    expect(received).toHaveLength(1)
  })

  it.each([
    ['is silent', { connection: 5000, socket: 60, delivery: 600_000 }],
    ['takes too long as a whole', { connection: 5000, socket: 600_000, delivery: 60 }],
  ])('is given up when it %s, and the mail waits', async (_name, times) => {
    const { port, received } = await listen({ ...plain, onRcptTo: () => {} })
    const queue = queueTo(port, {}, times)
    await send(queue)
    const [line] = await post.journal.entries('mail not handed over')
    expect(line?.reason).toBe('The mail server of --smtp did not answer in time.')
    expect(received).toHaveLength(0)
    expect(await queue.waiting()).toBe(1)
  })

  it('is believed when it refuses a recipient for good; other mail goes on', async () => {
    const onRcptTo = refuse(550, '<ada@plant.example>: no such user')
    const { port, received } = await listen({ ...plain, onRcptTo })
    const queue = queueTo(port)
    await send(queue)
    await send(queue, { to: 'bea@plant.example' })
    await post.journal.entries('mail handed over')
    const [line] = await post.journal.entries('mail dropped')
    expect(line).toMatchObject({
      recipient: 'a***@plant.example',
      reason: 'The mail server answered: 550 <a***@plant.example>: no such user.',
    })
    expect(received.flatMap(({ to }) => to)).toEqual(['bea@plant.example'])
    expect(await queue.waiting()).toBe(0)
  })

  it('that refuses the sender leaves the mail waiting for a better setting', async () => {
    const { port } = await listen({
      ...plain,
      onMailFrom: (_address, _session, done) => done(Object.assign(new Error('not you'), { responseCode: 550 })),
    })
    const queue = queueTo(port)
    await send(queue)
    const [line] = await post.journal.entries('mail not handed over')
    expect(line?.reason).toBe('The mail server answered: 550 not you.')
    expect(await queue.waiting()).toBe(1)
  })

  it('is asked again when it refuses for now', async () => {
    let asked = 0
    const { port } = await listen({
      ...plain,
      onRcptTo: (_address, _session, done) =>
        ++asked === 1 ? done(Object.assign(new Error('come later'), { responseCode: 450 })) : done(),
    })
    await send(queueTo(port))
    await post.journal.entries('mail not handed over')
    await post.time.elapse()
    await post.journal.entries('mail handed over')
    expect(server?.received).toHaveLength(1)
  })

  it('may quote the mail that it refuses, and the log does not', async () => {
    const { port } = await listen({
      ...plain,
      onData: (stream, _session, done) => {
        stream.resume().on('end', () => done(Object.assign(new Error(`spam: ${code}`), { responseCode: 554 })))
      },
    })
    await send(queueTo(port))
    const [line] = await post.journal.entries('mail dropped')
    expect(line?.reason).toBe('The mail server answered: 554.')
    expect(JSON.stringify(post.journal.lines)).not.toContain(code)
  })

  it('gets no header from a subject or a text', async () => {
    const { port, received } = await listen(plain)
    await send(queueTo(port), {
      subject: 'Hello\r\nBcc: eve@x.example\r\n\r\nbody',
      text: '.\r\nRCPT TO:<eve@x.example>\r\n',
    })
    await post.journal.entries('mail handed over')
    expect(received).toMatchObject([{ to: ['ada@plant.example'] }])
    expect(received[0]?.raw).not.toMatch(/^(Bcc|body)/im)
  })

  it('gets a test mail at once', async () => {
    const { port, received } = await listen(plain)
    const queue = queueTo(port)
    expect(await queue.test('ada@plant.example')).toEqual({ transport: 'smtp', file: null })
    expect(received).toMatchObject([{ to: ['ada@plant.example'] }])
  })

  it('is quoted without addresses when the test mail fails', async () => {
    const { port } = await listen({ ...plain, onRcptTo: refuse(550, '<ada@plant.example> unknown') })
    await expect(queueTo(port).test('ada@plant.example')).rejects.toMatchObject({
      code: 'mail-failed',
      message: 'The test mail was not sent. The mail server answered: 550 <a***@plant.example> unknown.',
    })
  })
})

describe('the outbox folder', () => {
  const mode = async (path: string) => (await stat(path)).mode & 0o777

  it('gets whole mails that only the owner can read, under names that tell nothing', async () => {
    const folder = join(post.folder, 'outbox')
    const queue = post.queue(outboxTransport(folder, () => post.time.now))
    await send(queue)
    const [line] = await post.journal.entries('mail handed over')
    const names = await readdir(folder)
    expect(names).toEqual([expect.stringMatching(/^20270115T080000\.000Z-[0-9a-f]{12}\.eml$/)])
    expect(line).toMatchObject({ transport: 'outbox', file: join(folder, names[0]!), recipient: 'a***@plant.example' })
    expect(await mode(folder)).toBe(0o700)
    expect(await mode(join(folder, names[0]!))).toBe(0o600)
    const text = await readFile(join(folder, names[0]!), 'utf8')
    expect(text).toContain(`\r\n\r\n${code}\r\n`)
    expect(text).toMatch(/^To: ada@plant\.example\r$/m)
    expect(text).not.toMatch(/[^\r]\n/)
    expect(JSON.stringify(post.journal.lines)).not.toContain(code)
    expect(await queue.waiting()).toBe(0)
  })

  it('says where the test mail lies', async () => {
    const folder = join(post.folder, 'outbox')
    const { transport, file } = await post.queue(outboxTransport(folder)).test('ada@plant.example')
    expect(transport).toBe('outbox')
    expect(await readFile(file!, 'utf8')).toContain('Test mail of SealMQ')
  })

  it('that cannot be written keeps the mail waiting', async () => {
    const queue = post.queue(outboxTransport(join(post.folder, 'sealmq.db')))
    await send(queue)
    const [line] = await post.journal.entries('mail not handed over')
    expect(line?.reason).toBe('The mail could not be handed over (EEXIST).')
    await expect(queue.test('ada@plant.example')).rejects.toMatchObject({ code: 'mail-failed' })
  })
})
