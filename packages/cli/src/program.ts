import { Command } from 'commander'
import { accountCommands } from './commands/account.ts'
import { auditCommands } from './commands/audit.ts'
import { backupCommands } from './commands/backup.ts'
import { brokerCommands } from './commands/broker.ts'
import { channelsCommands } from './commands/channels.ts'
import { demoCommand } from './commands/demo.ts'
import { devicesCommands } from './commands/devices.ts'
import { enrollCommand } from './commands/enroll.ts'
import { factorCommands } from './commands/factor.ts'
import { gatewayCommand } from './commands/gateway.ts'
import { inspectCommand } from './commands/inspect.ts'
import { mailCommands } from './commands/mail.ts'
import { openCommand } from './commands/open.ts'
import { passwordCommands } from './commands/password.ts'
import { pubCommand } from './commands/pub.ts'
import { rolesCommands } from './commands/roles.ts'
import { sendersCommands } from './commands/senders.ts'
import { serveCommand } from './commands/serve.ts'
import { sessionsCommands } from './commands/sessions.ts'
import { signInCommands } from './commands/sign-in.ts'
import { signUpCommands } from './commands/sign-up.ts'
import { stepUpCommand } from './commands/step-up.ts'
import { subCommand } from './commands/sub.ts'
import { usersCommands } from './commands/users.ts'

/** Every command of `sealmq`. */
export function createProgram(version: string): Command {
  const program = new Command('sealmq')
    .description('End-to-end encrypted MQTT: run the authority, sign in, publish and subscribe sealed.')
    .version(version)
    .addHelpText(
      'after',
      `
Credentials are kept in $SEALMQ_HOME (default ~/.config/sealmq), readable by you only.
Exit codes: 0 well, 1 failure, 2 wrong usage, 3 not signed in, revoked, or a code is asked for [otp-required],
4 not permitted, or a fresh factor is asked for [step-up-required], 5 authority unreachable,
6 broker unreachable or refusing, 7 the audit log does not hold (audit verify, checkpoint, proof), 27 time is up (sub -W).`,
    )
  serveCommand(program)
  signInCommands(program)
  signUpCommands(program)
  stepUpCommand(program)
  factorCommands(program)
  passwordCommands(program)
  sessionsCommands(program)
  accountCommands(program)
  pubCommand(program)
  subCommand(program)
  openCommand(program)
  inspectCommand(program)
  usersCommands(program)
  devicesCommands(program)
  enrollCommand(program)
  sendersCommands(program)
  rolesCommands(program)
  channelsCommands(program)
  auditCommands(program)
  mailCommands(program)
  brokerCommands(program)
  backupCommands(program)
  gatewayCommand(program)
  demoCommand(program)
  return program
}
