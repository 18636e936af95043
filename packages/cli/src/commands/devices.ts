import type { AuthorityClient } from '@sealmq/client'
import type { DeviceInfo, DevicePage, DeviceTicket, MemberInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { renderUnicodeCompact } from 'uqr'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { minuteOf, note, print, printTable, report } from '../output.ts'
import { ticketMaker } from '../ticket-maker.ts'
import { deviceImportCommand } from './devices-import.ts'

interface DeviceFlags {
  role?: string[]
  server?: string
  search?: string
  qr?: boolean
  json?: boolean
}

const devicePath = (route: string, id: string) => route.replace(':id', encodeURIComponent(id))
/** Devices that are asked for at once. */
const pageSize = 1000

/** devices: members that are machines. */
export function devicesCommands(program: Command): void {
  const devices = program
    .command('devices')
    .description('machines: add, list, show, ticket, disable, enable, remove, role, import (administrators)')
  const serverOption = ['--server <url>', 'the authority as the device reaches it; without it, as you do'] as const
  devices
    .command('add <name>')
    .description('make a device and the ticket that it enrols by: once, within ten minutes')
    .option('--role <role>', 'role; may be given several times', collect)
    .option(...serverOption)
    .option('--qr', 'print the ticket as a QR code too')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nThe name is one level of a topic: letters, digits, dot, dash, underscore; kept in small letters.',
    )
    .action(add)
  devices
    .command('ticket <name>')
    .description('a new ticket: to enrol a device again, whose keys and credentials of before end then')
    .option(...serverOption)
    .option('--qr', 'print the ticket as a QR code too')
    .option('--json', 'print JSON')
    .action(async (name: string, flags: DeviceFlags) => {
      const authority = await signedInAuthority()
      const write = await ticketMaker(authority, flags.server)
      showTicket(await authority.request('POST', devicePath(routes.deviceTicket, name)), write, flags)
    })
  devices
    .command('list')
    .description('the devices, their state, when they last asked for keys, and by how many channels they lag behind')
    .option('--search <text>', 'only those that have this in their name')
    .option('--json', 'print JSON')
    .action(list)
  devices.command('show <name>').description('one device').option('--json', 'print JSON').action(show)
  for (const [word, route, done] of [
    ['disable', routes.memberLock, 'is disabled: it is out, and no ticket lets it in'],
    ['enable', routes.memberUnlock, 'is enabled'],
  ] as const) {
    devices
      .command(`${word} <name>`)
      .description(word === 'disable' ? 'shut a device out until it is enabled; new epochs begin' : 'let it in again')
      .option('--json', 'print JSON')
      .action(async (name: string, { json }: DeviceFlags) => {
        const authority = await signedInAuthority()
        const device = await find(authority, name)
        await authority.request<MemberInfo>('POST', devicePath(route, device.id))
        report(json, await find(authority, device.id), `${device.name} ${done}.`)
      })
  }
  devices
    .command('remove <name>')
    .description('revoke a device and forget it; the channels that it could use get a new epoch')
    .action(async (name: string) => {
      const authority = await signedInAuthority()
      const device = await find(authority, name)
      await authority.request('DELETE', devicePath(routes.member, device.id))
      note(`${device.name} removed and revoked.`)
    })
  devices
    .command('role')
    .description('give a device exactly these roles')
    .argument('<name>')
    .argument('<role...>', 'exactly these roles from now on; "" for none')
    .option('--json', 'print JSON')
    .action(async (name: string, roles: string[], { json }: DeviceFlags) => {
      const authority = await signedInAuthority()
      const device = await find(authority, name)
      await authority.request('PATCH', devicePath(routes.member, device.id), { roles: roles.filter(Boolean) })
      const changed = await find(authority, device.id)
      report(json, changed, `${changed.name} has ${changed.roles.join(', ') || 'no role'} now.`)
    })
  deviceImportCommand(devices)
}

// Of commands that any member has, a person of that name must not be met.
const find = (authority: AuthorityClient, idOrName: string) =>
  authority.request<DeviceInfo>('GET', devicePath(routes.device, idOrName))

async function add(name: string, flags: DeviceFlags): Promise<void> {
  const { role: roles = [], server } = flags
  if (roles.length === 0)
    throw new CommandError(
      'usage',
      'Say what the device may do: --role ROLE. sealmq roles list shows all.',
      exitCodes.usage,
    )
  const authority = await signedInAuthority()
  const write = await ticketMaker(authority, server)
  showTicket(await authority.request('POST', routes.devices, { name, roles }), write, flags)
}

function showTicket(made: DeviceTicket, write: (made: DeviceTicket) => string, { qr, json }: DeviceFlags): void {
  const ticket = write(made)
  if (json) {
    const { id, name, expiresAt } = made
    print(JSON.stringify({ id, name, expiresAt, ticket }))
    return
  }
  note(`The ticket of ${made.name}, shown once, good once until ${minuteOf(made.expiresAt)} UTC:`)
  print(ticket)
  if (qr) print(renderUnicodeCompact(ticket))
  note('On the device run  sealmq enroll -  and give it the ticket.')
}

async function list({ search, json }: DeviceFlags): Promise<void> {
  const authority = await signedInAuthority()
  const devices: DeviceInfo[] = []
  for (let after: string | null = null; ; ) {
    const query = new URLSearchParams({ limit: String(pageSize) })
    if (search !== undefined) query.set('search', search)
    if (after !== null) query.set('after', after)
    const page: DevicePage = await authority.request('GET', `${routes.devices}?${query}`)
    devices.push(...page.devices)
    after = page.next
    if (after === null) break
  }
  if (json) {
    print(JSON.stringify(devices))
    return
  }
  printTable(
    ['NAME', 'ROLES', 'STATE', 'LAST SEEN', 'ADDRESS', 'VERSION', 'LAG'],
    devices.map((device) => {
      const { lastSeenAt, address, version } = latest(device)
      return [
        device.name,
        device.roles.join(', ') || '-',
        device.state,
        lastSeenAt === null ? '-' : minuteOf(lastSeenAt),
        address ?? '-',
        version ?? '-',
        device.epochLag ?? '-',
      ]
    }),
  )
}

async function show(name: string, { json }: DeviceFlags): Promise<void> {
  const device = await find(await signedInAuthority(), name)
  if (json) {
    print(JSON.stringify(device))
    return
  }
  const { lastSeenAt, address, version } = latest(device)
  print(`name       ${device.name}`)
  print(`roles      ${device.roles.join(', ') || '-'}`)
  print(`state      ${device.state}`)
  print(`made       ${minuteOf(device.createdAt)}`)
  if (device.ticketExpiresAt !== null) print(`ticket     until ${minuteOf(device.ticketExpiresAt)}`)
  for (const { sender, createdAt } of device.senders) print(`sender     ${sender}, enrolled ${minuteOf(createdAt)}`)
  print(`last seen  ${lastSeenAt === null ? '-' : `${minuteOf(lastSeenAt)} from ${address}`}`)
  print(`version    ${version ?? '-'}`)
  print(`lag        ${device.epochLag === null ? '-' : `${device.epochLag} channels whose keys it has not fetched`}`)
}

const latest = ({ senders }: DeviceInfo) =>
  senders.toSorted((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))[0] ?? {
    lastSeenAt: null,
    address: null,
    version: null,
  }
