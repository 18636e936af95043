import { readFile } from 'node:fs/promises'
import { AuthorityClient, enrolDevice, type Identity } from '@sealmq/client'
import type { Ticket } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { Command } from 'commander'
import { type Credentials, forgetSender, readCredentials, removeSender, writeCredentials } from '../credentials-file.ts'
import { fingerprint, firstCertificate, readTicket } from '../device-ticket.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { fetchCa } from '../fetch-ca.ts'
import { homeFolder } from '../home-files.ts'
import { authorityOptions, readServerUrl } from '../open-authority.ts'
import { note, report } from '../output.ts'
import { isAttended } from '../terminal.ts'
import { version } from '../version.ts'

interface EnrollFlags {
  ca?: string
  force?: boolean
  json?: boolean
}

/** enroll: this installation becomes a device. */
export function enrollCommand(program: Command): void {
  program
    .command('enroll <ticket>')
    .description('make this installation a device, by the ticket of sealmq devices add; - reads it from standard input')
    .option('--ca <file>', 'PEM of the CA that the ticket means; without it the authority is asked for it')
    .option('--force', 'also when this installation is signed in, or another device')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Keys are made here and never leave. sealmq pub and sub then run unattended, as the device. With - the ticket is in no list of
processes; given as an argument, others on this machine can read it until it is used or ten minutes are over.`,
    )
    .action(enroll)
}

async function enroll(word: string, { ca, force = false, json }: EnrollFlags): Promise<void> {
  const ticket = readTicket(word === '-' ? await readStandardInput() : word)
  const server = readServerUrl(ticket.server, 'The ticket')
  const before = await present(ticket, force)
  const pem = await trustedCa(server, ticket, ca)
  const authority = new AuthorityClient(authorityOptions(server, pem))
  const identity = await enrolDevice(
    authority,
    nodeCryptography,
    {
      name: ticket.device,
      code: ticket.code,
      version,
      isAuthority: (key) => fingerprint(key) === ticket.authorityKey,
    },
    pem,
  )
  await writeCredentials(credentialsOf(ticket.device, identity))
  if (before?.identity) {
    await removeSender(before).catch(() => {})
    await forgetSender(before.identity)
  }
  report(
    json,
    { device: ticket.device, sender: identity.sender, server },
    `This installation is the device ${ticket.device} now (sender ${identity.sender}). Try: sealmq whoami, sealmq pub --help`,
  )
}

const credentialsOf = (device: string, identity: Identity): Credentials => ({
  server: identity.authority,
  ca: identity.ca,
  email: device,
  session: null,
  state: 'active',
  senderName: device,
  identity,
})

// What is here already. The same device may enrol anew; anything else is somebody's.
async function present(ticket: Ticket, force: boolean): Promise<Credentials | null> {
  const before = await readCredentials().catch((error: unknown) => {
    if (error instanceof CommandError && (force || error.code === 'not-signed-in')) return null
    throw error
  })
  const isSame = before?.session === null && before.email === ticket.device
  if (before === null || isSame || force) return before
  const what = before.session === null ? `the device ${before.email}` : `signed in as ${before.email}`
  throw new CommandError(
    'other-identity',
    `This installation is ${what}. Give the device a folder of its own (SEALMQ_HOME), or --force: what is in ${homeFolder()} then ends.`,
    exitCodes.usage,
  )
}

/** The CA to trust, exactly the one that the ticket means. @throws CommandError `ca-mismatch`, `ca-file` */
async function trustedCa(server: string, ticket: Ticket, file: string | undefined): Promise<string | null> {
  if (ticket.ca === null || server.startsWith('http:')) return null
  const pem =
    file === undefined
      ? await fetchCa(server)
      : await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw new CommandError('ca-file', `--ca ${file} cannot be read (${error.code}).`, exitCodes.usage)
        })
  const certificate = firstCertificate(pem)
  // That one alone: whatever else stands in what was sent is not what the ticket vouches for.
  if (fingerprint(certificate.raw) === ticket.ca) return certificate.toString()
  throw new CommandError(
    'ca-mismatch',
    `${file ?? server} shows another CA than the ticket means. Nothing was sent: ask whoever gave you the ticket.`,
    exitCodes.authorityUnreachable,
  )
}

// One line: in a terminal nobody should have to end the input.
async function readStandardInput(): Promise<string> {
  if (isAttended()) note('Paste the ticket and press Enter:')
  let text = ''
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (/\S\s*\n/.test(text) || text.length > 10_000) break
  }
  return text
}
