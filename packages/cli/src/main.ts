import { CommanderError } from 'commander'
import { describeError, exitCodes } from './exit-codes.ts'
import { note } from './output.ts'
import { plainText } from './plain-text.ts'
import { createProgram } from './program.ts'
import { version } from './version.ts'

const program = createProgram(version)

// Wrong usage ends with 2, as in other tools; commander's own default is 1.
function throwOnExit(command: typeof program): void {
  command.exitOverride()
  command.showHelpAfterError('(--help lists the flags)')
  for (const child of command.commands) throwOnExit(child as typeof program)
}
throwOnExit(program)

try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  else {
    const { message, code, exitCode } = describeError(error)
    // Messages name files, logs and topics as others have called them.
    note(`sealmq: ${message.split('\n').map(plainText).join('\n')} [${code}]`)
    process.exitCode = exitCode
  }
}
