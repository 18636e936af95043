import { describe, expect, it } from 'vitest'
import { type MailFlags, readMailFrom, readMailSetting } from '../src/mail/mail-setting.ts'

const flags: MailFlags = {
  smtp: 'smtp://mail.example',
  smtpUser: null,
  smtpPassword: null,
  mailFrom: 'Plant <plant@example.org>',
  allowPlain: false,
}

describe('the mail settings', () => {
  it.each([
    ['smtp://mail.example', { host: 'mail.example', port: 587, secure: false }],
    ['smtp://mail.example:2525/', { host: 'mail.example', port: 2525, secure: false }],
    ['smtps://Mail.Example', { host: 'mail.example', port: 465, secure: true }],
    ['SMTPS://[::1]:4650', { host: '::1', port: 4650, secure: true }],
  ])('read %s', (smtp, expected) => {
    const rest = { user: null, password: null, from: 'Plant <plant@example.org>', allowPlain: false }
    expect(readMailSetting({ ...flags, smtp })).toEqual({ ...expected, ...rest })
  })

  it('are none without a server', () => {
    expect(readMailSetting({ ...flags, smtp: null })).toBeNull()
  })

  it('take the password file without its last line break', () => {
    const setting = readMailSetting({ ...flags, smtpUser: 'u', smtpPassword: 'spaces at the end  \n' })
    expect(setting).toMatchObject({ user: 'u', password: 'spaces at the end  ' })
  })

  const both = { smtpUser: 'u', smtpPassword: 'p' }
  it.each<[string, Partial<MailFlags>]>([
    ['--smtp ', { smtp: 'mail.example' }],
    ['--smtp ', { smtp: 'http://mail.example' }],
    ['--smtp ', { smtp: 'smtp://' }],
    ['--smtp ', { smtp: 'smtp://mail.example:0' }],
    ['--smtp ', { smtp: 'smtp://mail.example:70000' }],
    ['--smtp ', { smtp: 'smtp://mail.example/path' }],
    ['--smtp ', { smtp: 'smtp://mail.example\r\nX' }],
    ['--smtp ', { smtp: 'smtp://u:hidden@mail.example' }],
    ['--smtp ', { smtp: 'smtp://hidden@mail.example' }],
    ['--smtp-user ', { smtpUser: 'u' }],
    ['--smtp-user ', { smtpUser: 'u', smtpPassword: '\n' }],
    ['--smtp-user ', { ...both, smtpUser: '' }],
    ['--smtp-user ', { ...both, smtpUser: 'u\r\nx' }],
    ['--smtp-password-file ', { smtpPassword: 'hidden' }],
    ['--smtp-password-file ', { ...both, smtpPassword: 'hidden\nsecond' }],
    ['--mail-from ', { mailFrom: 'Plant <plant@example.org>\r\nBcc: eve@x.example' }],
    ['--mail-from ', { mailFrom: 'Plant\r\nBcc: eve@x.example <plant@example.org>' }],
    ['--mail-from ', { mailFrom: 'Plant, eve@x.example <plant@example.org>' }],
    ['--mail-from ', { mailFrom: 'plant@example.org, eve@x.example' }],
    ['--mail-from ', { mailFrom: 'Plant' }],
    ['--mail-from ', { mailFrom: '' }],
  ])('name %s when it is wrong: %j', (setting, wrong) => {
    const message = refusal(() => readMailSetting({ ...flags, ...wrong }))
    expect(message.startsWith(setting)).toBe(true)
    expect(message).not.toContain('hidden')
  })

  it('check the sender also without a server', () => {
    expect(refusal(() => readMailSetting({ ...flags, smtp: null, mailFrom: 'Plant' }))).toContain('--mail-from')
  })

  it.each([
    [null, 'host-1.plant.example', 'SealMQ <sealmq@host-1.plant.example>'],
    [null, 'a host\r\n', 'SealMQ <sealmq@localhost>'],
    ['plant@example.org', 'host', 'plant@example.org'],
    [' Düngerwerk Süd <plant@example.org> ', 'host', 'Düngerwerk Süd <plant@example.org>'],
  ])('take the sender %j on %j', (given, host, expected) => {
    expect(readMailFrom(given, host)).toBe(expected)
  })
})

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    expect(error).toMatchObject({ name: 'StartError', code: 'bad-setting' })
    return (error as Error).message
  }
  throw new Error('It was taken.')
}
