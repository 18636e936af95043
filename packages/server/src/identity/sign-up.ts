import { timingSafeEqual } from 'node:crypto'
import type { SignUpChoices, SignUpRequest, SignUpStarted, Verified, VerifyRequest } from '@sealmq/protocol/api'
import { admitRole } from '../administration/approvals.ts'
import { applyChange, type Change, memberTarget } from '../administration/change.ts'
import { insertMember } from '../administration/members.ts'
import { system } from '../audit/actors.ts'
import { recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { admitAddress, admitCodeTry, admitRequest, mailCode, tell, tryMailedCode } from './mailed-codes.ts'
import { newDigits, normalCode } from './one-time-codes.ts'
import { checkPassword, hashPassword } from './passwords.ts'
import { hashSecret, newSecret } from './secrets.ts'
import type { Origin } from './sessions.ts'
import { addressGroup, checkSignInName, hasMailbox, normalSignInName } from './sign-in-name.ts'
import { admitSource, countFailure } from './source-address.ts'

const codeUse = (token: Uint8Array) => `sign-up ${Buffer.from(token).toString('base64url')}`

/** What a stranger may ask for. */
export async function signUpChoices({ store, settings }: IdentityContext): Promise<SignUpChoices> {
  if (!settings.signUpOpen) return { open: false, roles: [] }
  const roles = await store.selectFrom('roles').select('name').orderBy('name').execute()
  return { open: true, roles: roles.map(({ name }) => name) }
}

/**
 * Begins a sign-up: a code goes to the address. Nothing is a member before it comes back, together with the token that
 * is answered here: whoever signs up with somebody else's address cannot have its owner confirm it. An address that has
 * an account already is answered alike; its owner is told by mail.
 * @throws AuthorityError `sign-up-closed`, `bad-request`, `weak-password`, `not-found` (role), `too-many-tries`
 */
export async function signUp(context: IdentityContext, request: SignUpRequest, origin: Origin): Promise<SignUpStarted> {
  const { store, settings, about, mail, codes } = context
  if (!settings.signUpOpen) {
    throw new AuthorityError('sign-up-closed', 'Accounts are made by invitation here. Ask an administrator.')
  }
  await admitAddress(context, addressGroup(origin.address))
  const email = checkSignInName(request.email)
  if (!hasMailbox(email)) {
    throw new AuthorityError(
      'bad-request',
      'Without an email address you need an invitation: ask an administrator for an account with a user name.',
    )
  }
  const role = await store.selectFrom('roles').select('id').where('name', '=', request.role).executeTakeFirst()
  if (!role)
    throw new AuthorityError('not-found', `There is no role ${request.role}. Ask an administrator which to take.`)
  await checkPassword(request.password, [email, request.name])
  await admitRequest(context, 'sign-up', email)
  const password = await hashPassword(request.password)
  const token = newSecret()
  const tokenHash = hashSecret(token)
  const code = newDigits()
  const now = context.now()
  const expiresAt = now + settings.codeTime
  await recorded(context, async (transaction, record) => {
    // Recorded alike whether or not the address has an account.
    record({ action: 'sign-up.ask', on: { kind: 'address', id: null, name: email }, detail: { role: request.role } })
    await transaction.deleteFrom('sign_ups').where('expires_at', '<', now).execute()
    const taken = await transaction.selectFrom('members').select('id').where('email', '=', email).executeTakeFirst()
    if (taken) {
      await tell(context, transaction, email, texts.signUpAttempted(about))
      return
    }
    await transaction
      .insertInto('sign_ups')
      .values({
        token_hash: tokenHash,
        email,
        name: request.name,
        password,
        role_id: role.id,
        code_hash: codes.hash(codeUse(tokenHash), code),
        tries: 0,
        created_at: now,
        expires_at: expiresAt,
      })
      .execute()
    const text = texts.signUpCode({ ...about, code, minutes: settings.codeTime / 60_000 })
    await mail.enqueue(transaction, { to: email, ...text, expiresAt })
  })
  mail.wake()
  return { signUp: token, retryAfter: Math.ceil(settings.codeResend / 1000) }
}

/**
 * Takes the code that proves an address: of a sign-up, which becomes a member, or of a member.
 * @throws AuthorityError `wrong-code`, `name-taken`, `too-many-tries`
 */
export async function verifyAddress(
  context: IdentityContext,
  request: VerifyRequest,
  origin: Origin,
): Promise<Verified> {
  await admitSource(context, origin)
  const tried = await admitCodeTry(context, 'address', normalSignInName(request.email))
  try {
    const verified = await (request.signUp === undefined
      ? verifyMember(context, request)
      : finishSignUp(context, request, hashSecret(request.signUp)))
    await tried.succeeded()
    return verified
  } catch (error) {
    await countFailure(context, origin)
    throw error
  }
}

/** Mails a code that proves a member's address; answered alike when there is no such member, or nothing to prove. */
export async function sendAddressCode(context: IdentityContext, email: string, origin: Origin): Promise<void> {
  const name = normalSignInName(email)
  await admitAddress(context, addressGroup(origin.address))
  await admitRequest(context, 'address', name)
  const member = await context.store
    .selectFrom('members')
    .select('id')
    .where('email', '=', name)
    .where('address_proved_at', 'is', null)
    .executeTakeFirst()
  if (member && hasMailbox(name)) await mailCode(context, { id: member.id, signInName: name }, 'address')
}

async function verifyMember(context: IdentityContext, { email, code }: VerifyRequest): Promise<Verified> {
  const member = await context.store
    .selectFrom('members')
    .select(['id', 'state'])
    .where('email', '=', normalSignInName(email))
    .executeTakeFirst()
  const right = member && (await tryMailedCode(context, member.id, 'address', code))
  if (!right) throw wrongCode()
  await recorded(context, async (transaction, record) => {
    if (!(await right.use(transaction))) throw wrongCode()
    await transaction
      .updateTable('members')
      .set({ address_proved_at: context.now() })
      .where('id', '=', member.id)
      .execute()
    record({ action: 'address.confirm', on: memberTarget({ id: member.id, email: normalSignInName(email) }) })
  })
  return { state: member.state }
}

async function finishSignUp(
  context: IdentityContext,
  { email, code }: VerifyRequest,
  tokenHash: Uint8Array,
): Promise<Verified> {
  const { store, codes, settings, changes } = context
  const row = await store
    .updateTable('sign_ups')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('token_hash', '=', tokenHash)
    .where('email', '=', normalSignInName(email))
    .where('tries', '<', settings.codeTries)
    .where('expires_at', '>', context.now())
    .returningAll()
    .executeTakeFirst()
  const given = codes.hash(codeUse(tokenHash), normalCode(code))
  if (!row || !timingSafeEqual(row.code_hash, given)) throw wrongCode()
  const verified = await applyChange(changes, async (change) => {
    await takeSignUp(change.transaction, tokenHash)
    const id = await insertMember(change.transaction, {
      signInName: row.email,
      name: row.name,
      password: row.password,
      now: change.now,
      state: 'waiting',
      requestedRole: row.role_id,
      addressProvedAt: change.now,
      emailFactor: true,
    })
    change.record({
      action: 'sign-up.confirm',
      on: memberTarget({ id, email: row.email }),
      detail: { name: row.name },
    })
    return { state: await admitByDomain(context, change, id, row.email, row.role_id) }
  })
  context.mail.wake()
  return verified
}

// Of several that come at the same time with the right code, one finds the row still there.
async function takeSignUp(transaction: Database, tokenHash: Uint8Array): Promise<void> {
  const { numDeletedRows } = await transaction
    .deleteFrom('sign_ups')
    .where('token_hash', '=', tokenHash)
    .executeTakeFirstOrThrow()
  if (numDeletedRows === 0n) throw wrongCode()
}

async function admitByDomain(
  context: IdentityContext,
  change: Change,
  member: string,
  email: string,
  roleId: string,
): Promise<'waiting' | 'active'> {
  const role = await change.transaction
    .selectFrom('roles')
    .selectAll()
    .where('id', '=', roleId)
    .executeTakeFirstOrThrow()
  const domains = JSON.parse(role.approve_domains) as string[]
  const domain = email.slice(email.lastIndexOf('@') + 1)
  if (role.administrator === 1 || !domains.includes(domain)) return 'waiting'
  change.record(
    { action: 'member.approve', on: memberTarget({ id: member, email }), detail: { roles: [role.name], domain } },
    system,
  )
  await admitRole(context, change, { id: member, signInName: email }, [roleId])
  return 'active'
}

const wrongCode = () =>
  new AuthorityError('wrong-code', 'The code is wrong, was used already, or has expired. Ask for a new one.')
