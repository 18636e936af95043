import { Center, Group, Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { messages } from '../messages/english.ts'
import seal from '../seal.svg'
import { ThemeChoice } from './theme-choice.tsx'

/** The frame of every page before somebody is signed in. */
export function DoorCard({
  title,
  intro,
  color = 'teal',
  children,
}: {
  title: string
  intro?: string
  color?: string
  children: ReactNode
}) {
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w="100%" maw={420} gap="lg">
        <Group gap="sm" justify="center">
          <img src={seal} alt="" width={36} height={36} />
          <Text fw={700} size="xl">
            {messages.product}
          </Text>
        </Group>
        <Paper withBorder radius="md" p="xl" style={{ borderTop: `4px solid var(--mantine-color-${color}-filled)` }}>
          <Stack>
            <div>
              <Title order={1} size="h3">
                {title}
              </Title>
              {intro && (
                <Text size="sm" mt={4}>
                  {intro}
                </Text>
              )}
            </div>
            {children}
          </Stack>
        </Paper>
        <Text size="xs" ta="center">
          {messages.tagline}
        </Text>
        <Center>
          <ThemeChoice />
        </Center>
      </Stack>
    </Center>
  )
}
