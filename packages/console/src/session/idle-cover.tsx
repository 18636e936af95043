import { Center, Paper, Stack, Title } from '@mantine/core'
import type { Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useSyncExternalStore } from 'react'
import { authority } from '../authority/authority.ts'
import { setMe } from '../authority/signed-in.ts'
import { FactorForm } from '../authority/step-up.tsx'
import { messages } from '../messages/english.ts'
import { idleLock } from './idle-lock.ts'

const inputs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const
/** ms between two looks at the clock. */
const lookEvery = 5000

/** Shows the page while somebody is here; else nothing of it, until a factor is given. */
export function IdleCover({ me, children }: { me: Me; children: ReactNode }) {
  const locked = useSyncExternalStore(idleLock.subscribe, () => idleLock.locked)
  const queries = useQueryClient()
  useEffect(() => {
    for (const input of inputs) addEventListener(input, idleLock.input, { passive: true })
    addEventListener('storage', idleLock.check)
    const timer = setInterval(idleLock.check, lookEvery)
    return () => {
      for (const input of inputs) removeEventListener(input, idleLock.input)
      removeEventListener('storage', idleLock.check)
      clearInterval(timer)
    }
  }, [])
  const done = async (given: boolean) => {
    if (given) return idleLock.unlock()
    await authority.request('POST', routes.logout).catch(() => {})
    setMe(queries, null)
    idleLock.forget()
  }
  if (!locked) return children
  return (
    <Center mih="60dvh">
      <Paper withBorder p="xl" maw={420} w="100%">
        <Stack>
          <Title order={1} size="h3">
            {messages.idle.title}
          </Title>
          <FactorForm
            factor={me.secondFactor === 'none' ? 'password' : me.secondFactor}
            intro={messages.idle.intro}
            leave={messages.idle.signOut}
            done={(given) => void done(given)}
          />
        </Stack>
      </Paper>
    </Center>
  )
}
