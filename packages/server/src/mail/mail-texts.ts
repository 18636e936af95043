import { maskMailbox } from './mailbox.ts'

export interface MailText {
  subject: string
  text: string
}

/** The deployment's name. */
interface About {
  deployment: string
}

/** A code as it is to be read, and how long it is good. */
interface CodeAbout extends About {
  code: string
  minutes: number
}

export const signUpCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code to sign up at ${name(about)}`, {
    before: `Welcome! Enter this code to finish signing up at ${name(about)}:`,
    otherwise: 'If you did not sign up, ignore this mail: without the code, no account is made.',
  })

export const addressCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code to confirm your address at ${name(about)}`, {
    before: `Enter this code to show ${name(about)} that this address is yours:`,
    otherwise: 'If you have no account there, ignore this mail: without the code, nothing happens.',
  })

export const loginCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code to sign in to ${name(about)}`, {
    before: `Enter this code to sign in to ${name(about)}:`,
    otherwise:
      'If this was not you, somebody knows your password. Give the code to nobody, and change your password now.',
  })

export const stepUpCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code to confirm a change at ${name(about)}`, {
    before: `Enter this code to confirm a change at ${name(about)}:`,
    otherwise:
      'If this was not you, somebody is signed in as you. Give the code to nobody, change your password, and end all other sessions.',
  })

export const resetCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code for a new password at ${name(about)}`, {
    before: `Enter this code to choose a new password at ${name(about)}:`,
    otherwise: 'If you did not ask for it, ignore this mail: your password stays as it is. Give the code to nobody.',
  })

/** To the new address. */
export const emailChangeCode = (about: CodeAbout): MailText =>
  codeText(about, `Your code to use this address at ${name(about)}`, {
    before: `Enter this code to use this address for your account at ${name(about)}:`,
    otherwise: 'If you have no account there, ignore this mail: without the code, nothing changes.',
  })

/** @param about `server`: the authority's URL; `email`: the one invited; `days`: how long the code is good */
export const invitation = (about: About & { server: string; email: string; code: string; days: number }): MailText =>
  compose(about, `You are invited to ${name(about)}`, [
    `You have an account at ${name(about)} now. Choose a password with this code:`,
    line(about.code),
    `It is good for ${count(about.days, 'day')} and for one use. On the command line:`,
    // One word a line where it gets long, so that no mail reader breaks the command elsewhere.
    [
      'sealmq password reset \\',
      `  --server ${shellWord(about.server)} \\`,
      `  --email ${shellWord(about.email)} \\`,
      `  --code ${shellWord(about.code)}`,
    ].join('\n'),
    'If you do not expect this, ask your administrator, or ignore this mail.',
  ])

export const signUpAttempted = (about: About): MailText =>
  compose(about, `You already have an account at ${name(about)}`, [
    `Somebody, perhaps you, tried to sign up at ${name(about)} with this address. You already have an account there.`,
    'Sign in as usual. If you forgot your password, ask for a code there to choose a new one.',
    'If this was not you, you need not do anything: nothing was changed.',
  ])

/** @param about `address`: where the tries came from */
export const locked = (about: About & { minutes: number; address: string }): MailText =>
  compose(about, `Your account at ${name(about)} is locked for a while`, [
    `There were several wrong tries to sign in to your account at ${name(about)}, the last from ${line(about.address)}.`,
    `Nobody can sign in to it for ${count(about.minutes, 'minute')}, then it opens by itself.`,
    'If this was not you, your password held. Change it if you use it elsewhere too.',
  ])

/** @param about `roles`: their names */
export const approved = (about: About & { roles: readonly string[] }): MailText =>
  compose(about, `Welcome to ${name(about)}`, [
    `An administrator approved your account at ${name(about)}. You can sign in now.`,
    about.roles.length === 0
      ? 'You have no role yet; ask your administrator for one.'
      : `Your ${about.roles.length === 1 ? 'role' : 'roles'}: ${about.roles.map(line).join(', ')}.`,
  ])

export const rejected = (about: About): MailText =>
  compose(about, `Your request at ${name(about)}`, [
    `An administrator did not approve your account at ${name(about)}. It was deleted.`,
    'If you think that this is a mistake, ask your administrator.',
  ])

export const passwordChanged = (about: About): MailText =>
  compose(about, `Your password at ${name(about)} was changed`, [
    `The password of your account at ${name(about)} was changed.`,
    'If this was not you, ask for a code at sign-in to choose a new one at once, and tell your administrator.',
  ])

/** To the old address. @param about `email`: the new one */
export const emailChanged = (about: About & { email: string }): MailText =>
  compose(about, `Your address at ${name(about)} was changed`, [
    `Your account at ${name(about)} uses ${maskMailbox(line(about.email))} now, and this address no longer.`,
    'If this was not you, tell your administrator at once: with this address you cannot get in any more.',
  ])

export const authenticatorAdded = (about: About): MailText =>
  compose(about, `An authenticator was added at ${name(about)}`, [
    `Sign-in to your account at ${name(about)} asks for a code from your authenticator app from now on.`,
    'If this was not you, somebody is signed in as you: tell your administrator at once.',
  ])

export const authenticatorRemoved = (about: About): MailText =>
  compose(about, `The authenticator was removed at ${name(about)}`, [
    `Sign-in to your account at ${name(about)} no longer asks for a code from an authenticator app.`,
    'If this was not you, change your password, and tell your administrator at once.',
  ])

/** @param about `left`: how many recovery codes are not used yet */
export const recoveryCodeUsed = (about: About & { left: number }): MailText =>
  compose(about, `A recovery code was used at ${name(about)}`, [
    `Somebody signed in to your account at ${name(about)} with one of your recovery codes.`,
    about.left > 2
      ? `You have ${about.left} left.`
      : `You have ${about.left === 0 ? 'none' : `only ${about.left}`} left. Make new ones.`,
    'If this was not you, change your password, make new recovery codes, and tell your administrator at once.',
  ])

export const accountDeleted = (about: About): MailText =>
  compose(about, `Your account at ${name(about)} was deleted`, [
    `Your account at ${name(about)} was deleted, and its sessions and devices were signed out.`,
    'If you did not expect this, ask your administrator.',
  ])

/** A notice without the code. */
export const handedCode = (about: About): MailText =>
  compose(about, `An administrator made a code for your account at ${name(about)}`, [
    `An administrator made a code with which you can choose a new password at ${name(about)}, and will hand it to you.`,
    'If you did not ask for that, tell another administrator: whoever has the code can sign in as you.',
  ])

/** To the administrators. @param about `freeMebibytes`: what is left */
export const diskLow = (about: About & { freeMebibytes: number }): MailText =>
  compose(about, `The disk of ${name(about)} is nearly full`, [
    `The disk with the data folder of ${name(about)} has ${about.freeMebibytes} MiB left.`,
    'When it is full, nobody can sign in and nothing can be changed, because nothing can be recorded. Make room now.',
  ])

export const testMail = (): MailText => ({
  subject: 'Test mail of SealMQ',
  text: 'This is a test mail of SealMQ. Since you read it, mail works.\n',
})

function codeText(about: CodeAbout, subject: string, { before, otherwise }: { before: string; otherwise: string }) {
  return compose(about, subject, [
    before,
    line(about.code),
    `It is good for ${count(about.minutes, 'minute')} and for one use.`,
    otherwise,
  ])
}

const compose = (about: About, subject: string, paragraphs: readonly string[]): MailText => ({
  subject,
  text: `${[...paragraphs.map(wrapped), `-- \n${name(about)}`].join('\n\n')}\n`,
})

// Short lines need no transfer encoding, so that a file of the outbox folder reads well as it is. Commands have lines.
const wrapped = (paragraph: string) =>
  paragraph.includes('\n') ? paragraph : paragraph.replaceAll(/(.{1,72})(?: |$)/g, '$1\n').trimEnd()

const name = ({ deployment }: About) => line(deployment)

// Names are other people's: they may neither start a line of their own nor a header.
const line = (text: string) => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()

const count = (number: number, unit: string) => `${number} ${unit}${number === 1 ? '' : 's'}`

// What a shell would read as more than a word is quoted.
function shellWord(text: string): string {
  const word = line(text)
  return /^[\w@%+=:,./[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
