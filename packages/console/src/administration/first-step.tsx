import { Badge, Card, Group, Stack, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { firstStepsMessages as text } from '../messages/english-first-steps.ts'

/** One of the things to do, with whether it is done. */
export function FirstStep({ title, done, children }: { title: string; done: boolean; children: ReactNode }) {
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {title}
          </Title>
          <Badge color={done ? 'teal' : 'gray'} variant="light">
            {done ? text.done : text.open}
          </Badge>
        </Group>
        {children}
      </Stack>
    </Card>
  )
}
