import type { Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/api'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { readCredentials, removeCredentials } from '../credentials-file.ts'
import { note, print } from '../output.ts'
import { readPassword } from '../password.ts'
import { signIn } from '../sign-in.ts'

interface SignInFlags {
  server: string
  email: string
  passwordFile?: string
  ca?: string
  senderName?: string
}

/** setup, login, logout, whoami, credentials. */
export function accountCommands(program: Command): void {
  program
    .command('setup')
    .description('make the first administrator with the setup code that serve printed, and sign in')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--code <code>', 'the setup code')
    .requiredOption('--email <email>', 'your email address: you sign in with it')
    .requiredOption('--name <name>', 'your name')
    .option('--password-file <file>', 'file with the password; without it you are asked')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--sender-name <name>', 'what to call this installation')
    .action(async (flags: SignInFlags & { code: string; name: string }) => {
      const password = await readPassword(flags.passwordFile, 'New password (12 characters or more): ')
      const { code, email, name } = flags
      const session = await signIn(flags, (authority) => authority.setUp({ code, email, name, password }))
      note(
        `You are the administrator ${session.me.email} and signed in. Try: sealmq demo, or sealmq users create --help`,
      )
    })

  program
    .command('login')
    .description('sign in, and make this installation a sender with a key of its own')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address')
    .option('--password-file <file>', 'file with the password; without it you are asked')
    .option('--otp <code>', 'one-time code, where the account asks for one')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--sender-name <name>', 'what to call this installation')
    .action(async (flags: SignInFlags & { otp?: string }) => {
      const password = await readPassword(flags.passwordFile)
      const request = { email: flags.email, password, ...(flags.otp === undefined ? {} : { otp: flags.otp }) }
      const session = await signIn(flags, (authority) => authority.logIn(request))
      note(`Signed in as ${session.me.email} (${roleNames(session.me)}).`)
    })

  program
    .command('logout')
    .description('end the session, remove this installation from the directory and its keys from here')
    .action(async () => {
      const { identity } = await readCredentials()
      const authority = await signedInAuthority()
      // Sessions end by themselves; the sender's own token still serves to remove it.
      await authority.withToken(identity.token).removeSender(identity.sender).catch(tolerateGone)
      await authority.logOut().catch(tolerateGone)
      await removeCredentials(identity.sender)
      note('Signed out.')
    })

  program
    .command('whoami')
    .description('who is signed in here, with which roles and rights')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { identity } = await readCredentials()
      const me = await (await signedInAuthority()).withToken(identity.token).request<Me>('GET', routes.me)
      if (json) {
        print(JSON.stringify({ ...me, sender: identity.sender, server: identity.authority }))
        return
      }
      print(`${me.name} <${me.email}>  sender ${identity.sender} at ${identity.authority}`)
      print(`roles: ${roleNames(me)}${me.administrator ? ' (administrator)' : ''}`)
      for (const right of ['publish', 'subscribe'] as const) {
        const channels = me.grants.filter((grant) => grant.right === right).map(({ channel }) => channel)
        print(`may ${right}: ${channels.join(', ') || 'nothing'}`)
      }
    })

  program
    .command('credentials')
    .description("this sender's user name and password at the broker, for mosquitto_sub, MQTT Explorer and the like")
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { username, password } = (await readCredentials()).identity.broker
      print(json ? JSON.stringify({ username, password }) : `username ${username}\npassword ${password}`)
    })
}

const roleNames = (me: Me) => me.roles.map(({ name }) => name).join(', ') || 'no role'

function tolerateGone(error: unknown): void {
  const { status } = error as { status?: number }
  if (status !== 401 && status !== 404) throw error
}
