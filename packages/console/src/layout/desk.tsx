import { AppShell, Badge, Burger, Button, Group, Loader, NavLink, Stack, Text } from '@mantine/core'
import { useDisclosure, useNetwork } from '@mantine/hooks'
import type { Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { authority } from '../authority/authority.ts'
import { setMe, useDeployment, useMe } from '../authority/signed-in.ts'
import { messages } from '../messages/english.ts'
import { publisherMessages } from '../messages/english-publisher.ts'
import { subscriberMessages } from '../messages/english-subscriber.ts'
import seal from '../seal.svg'
import { IdleCover } from '../session/idle-cover.tsx'
import { idleLock } from '../session/idle-lock.ts'
import { SetupPage } from '../sign-in/setup-page.tsx'
import { SignInForm } from '../sign-in/sign-in-form.tsx'
import { endDesk } from '../worker/use-desk.ts'
import { DoorCard } from './door-card.tsx'
import { ReadFailure } from './failure-alert.tsx'
import { ThemeChoice } from './theme-choice.tsx'

export const isAdministrator = ({ administrator, state }: Me): boolean => administrator && state === 'active'
export const isAuditor = (me: Me): boolean => isAdministrator(me) || (me.auditor && me.state === 'active')
const may = (wanted: 'publish' | 'subscribe', { grants, state }: Me): boolean =>
  state === 'active' && grants.some(({ right }) => right === wanted)

interface DeskProps {
  door: keyof typeof messages.doors
  color: string
  /** Whether this member may sit here. */
  admits: (me: Me) => boolean
  children: (me: Me) => ReactNode
}

/** A desk behind its own door: sign-in first, then the page for whoever may see it. */
export function Desk({ door, color, admits, children }: DeskProps) {
  const deployment = useDeployment()
  const me = useMe()
  if (!globalThis.isSecureContext)
    return (
      <DoorCard title={messages.insecure.title} intro={messages.insecure.text}>
        {null}
      </DoorCard>
    )
  if (deployment.data?.setupNeeded) return <SetupPage />
  if (me.data === undefined || deployment.data === undefined) {
    const error = me.error ?? deployment.error
    return (
      <DoorCard title={messages.doors[door].title}>
        {error ? (
          <ReadFailure error={error} again={() => void Promise.all([me.refetch(), deployment.refetch()])} />
        ) : (
          <Loader aria-label={messages.loading} />
        )}
      </DoorCard>
    )
  }
  if (me.data === null) {
    return (
      <DoorCard {...messages.doors[door]} color={color}>
        <SignInForm />
      </DoorCard>
    )
  }
  return (
    <Frame me={me.data} deployment={deployment.data.name}>
      <IdleCover me={me.data}>
        {admits(me.data) ? children(me.data) : <Text>{messages.signIn.refused[door]}</Text>}
      </IdleCover>
    </Frame>
  )
}

function Frame({ me, deployment, children }: { me: Me; deployment: string; children: ReactNode }) {
  const queries = useQueryClient()
  const { pathname } = useLocation()
  const { online } = useNetwork()
  const [open, { toggle, close }] = useDisclosure()
  const signOut = async () => {
    // Whatever the authority says: this page forgets.
    await authority.request('POST', routes.logout).catch(() => {})
    endDesk()
    setMe(queries, null)
    idleLock.forget()
  }
  const pages = [
    { to: '/account', label: messages.account.title },
    ...(may('publish', me) ? [{ to: '/publish', label: publisherMessages.title }] : []),
    ...(may('subscribe', me)
      ? [
          { to: '/subscribe', label: subscriberMessages.subscribeTitle },
          { to: '/traffic', label: subscriberMessages.trafficTitle },
        ]
      : []),
    ...(isAdministrator(me)
      ? [
          { to: '/admin', label: messages.people.title },
          { to: '/admin/roles', label: messages.roles.title },
          { to: '/admin/channels', label: messages.channels.title },
          { to: '/admin/start', label: messages.firstSteps },
          { to: '/admin/devices', label: messages.devices.title },
          { to: '/admin/clients', label: messages.clients.title },
          { to: '/admin/system', label: messages.system.title },
        ]
      : []),
    ...(isAuditor(me) ? [{ to: '/audit', label: messages.audit.title }] : []),
  ]
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !open } }}
      padding="lg"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <img src={seal} alt="" width={28} height={28} />
            <Text fw={700}>{messages.product}</Text>
            {deployment !== messages.product && (
              <Text size="sm" truncate visibleFrom="sm">
                {deployment}
              </Text>
            )}
          </Group>
          <Group gap="sm" wrap="nowrap">
            {!online && (
              <Badge color="orange" variant="light" role="status">
                {messages.offline}
              </Badge>
            )}
            <Text size="sm" truncate maw={220} visibleFrom="xs">
              {me.name}
            </Text>
            <Button variant="default" size="xs" onClick={() => void signOut()}>
              {messages.account.signOut}
            </Button>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm">
        <Stack justify="space-between" h="100%">
          <nav>
            {pages.map(({ to, label }) => (
              <NavLink
                key={to}
                component={Link}
                activeOptions={{ exact: true }}
                to={to}
                label={label}
                active={pathname === to}
                onClick={close}
              />
            ))}
          </nav>
          <ThemeChoice />
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main>{children}</AppShell.Main>
    </AppShell>
  )
}
