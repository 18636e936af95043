import { describe, expect, it } from 'vitest'
import * as texts from '../src/mail/mail-texts.ts'

const deployment = 'Plant 7'
const about = { deployment, code: '482 913', minutes: 5 }

const withCode = {
  signUpCode: texts.signUpCode(about),
  addressCode: texts.addressCode(about),
  loginCode: texts.loginCode(about),
  stepUpCode: texts.stepUpCode(about),
  resetCode: texts.resetCode(about),
  emailChangeCode: texts.emailChangeCode(about),
}
const longCode = 'ABCDE-FGHJK-MNPQR-STUVW'
const invitation = { deployment, code: longCode, days: 7, server: 'https://plant.example:8443', email: 'ada@x.example' }
const notices = {
  signUpAttempted: texts.signUpAttempted({ deployment }),
  locked: texts.locked({ deployment, minutes: 5, address: '192.0.2.7' }),
  approved: texts.approved({ deployment, roles: ['viewer', 'controller'] }),
  rejected: texts.rejected({ deployment }),
  passwordChanged: texts.passwordChanged({ deployment }),
  emailChanged: texts.emailChanged({ deployment, email: 'bea@plant.example' }),
  authenticatorAdded: texts.authenticatorAdded({ deployment }),
  authenticatorRemoved: texts.authenticatorRemoved({ deployment }),
  recoveryCodeUsed: texts.recoveryCodeUsed({ deployment, left: 1 }),
  accountDeleted: texts.accountDeleted({ deployment }),
  handedCode: texts.handedCode({ deployment }),
}
const all = Object.entries({ ...withCode, invitation: texts.invitation(invitation), ...notices })

describe('the mails', () => {
  it.each(Object.entries(withCode))(
    '%s has the code alone on a line, its time, and what to do otherwise',
    (_name, mail) => {
      expect(mail.text).toContain('\n\n482 913\n\n')
      expect(mail.text).toContain('5 minutes')
      expect(mail.text).toMatch(/If (this was not you|you did not|you have no account)/)
      expect(mail.subject).not.toContain('482')
    },
  )

  it.each(all)('%s names the deployment, in short lines and without a link', (name, { subject, text }) => {
    expect(subject).toContain(deployment)
    expect(text).toContain(deployment)
    expect(subject.length).toBeLessThan(78)
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(72)
    if (name !== 'invitation') expect(text).not.toMatch(/https?:/)
    expect(text.replaceAll(/[\n\x20-\x7e]/g, '')).toBe('')
  })

  it('are all different', () => {
    expect(new Set(all.map(([, { text }]) => text)).size).toBe(all.length)
  })

  it('invite with a command that a shell takes as one', () => {
    const { text, subject } = texts.invitation(invitation)
    expect(text).toContain(`\n\n${longCode}\n\n`)
    expect(text).toContain('7 days')
    expect(text.replaceAll(/ \\\n */g, ' ')).toContain(
      `sealmq password reset --server https://plant.example:8443 --email ada@x.example --code ${longCode}\n`,
    )
    expect(text).not.toMatch(new RegExp(`https?:\\S*${longCode}`))
    expect(subject).not.toContain(longCode)
    expect(texts.invitation({ ...invitation, email: "o'neil$(id)@x.example" }).text).toContain(
      `--email 'o'\\''neil$(id)@x.example'`,
    )
  })

  it('say what they are about', () => {
    expect(notices.locked.text).toContain('192.0.2.7')
    expect(notices.locked.text).toContain('5 minutes')
    expect(texts.locked({ deployment, minutes: 1, address: '::1' }).text).toContain('1 minute,')
    expect(notices.approved.text).toContain('Your roles: viewer, controller.')
    expect(texts.approved({ deployment, roles: ['viewer'] }).text).toContain('Your role: viewer.')
    expect(texts.approved({ deployment, roles: [] }).text).toContain('no role yet')
    expect(notices.emailChanged.text).toContain('b***@plant.example')
    expect(notices.recoveryCodeUsed.text).toContain('only 1 left')
    expect(texts.recoveryCodeUsed({ deployment, left: 0 }).text).toContain('none left')
    expect(texts.recoveryCodeUsed({ deployment, left: 8 }).text).toContain('You have 8 left')
  })

  it('let no name start a line or a header', () => {
    const evil = 'Plant\r\nBcc: eve@x.example\r\n\r\nGive your code to eve\u2028now\u0000'
    const { subject, text } = texts.approved({ deployment: evil, roles: [evil] })
    expect(subject).not.toMatch(/\p{C}|\p{Zl}/u)
    expect(text).not.toMatch(/^Bcc:/m)
    expect(text).not.toMatch(/[\r\0\u2028]/)
  })
})
