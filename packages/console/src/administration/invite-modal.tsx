import { Button, Group, Modal, MultiSelect, Stack, Text } from '@mantine/core'
import type { HandedCode } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.people
const blank = { email: '', name: '', roles: [] as string[] }

interface InviteModalProps {
  opened: boolean
  roles: string[]
  close: () => void
  invited: () => void
}

/** Makes a member that sets its own password with a code. */
export function InviteModal({ opened, roles, close, invited }: InviteModalProps) {
  const [form, setForm] = useState(blank)
  const [handed, setHanded] = useState<HandedCode | null>(null)
  const { busy, failure, run, clear } = useRequest()
  const change = (part: Partial<typeof form>) => setForm((before) => ({ ...before, ...part }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      const request = { ...form, email: form.email.trim() }
      setHanded(await authority.request<HandedCode>('POST', routes.membersInvite, request))
      invited()
    })
  }
  const finish = () => {
    close()
    clear()
    setForm(blank)
    setHanded(null)
  }
  return (
    <Modal opened={opened} onClose={finish} title={text.inviteTitle} centered>
      {handed ? (
        <Stack>
          <Text size="sm" role="status">
            {handed.code === null ? text.invited : text.handed(handed.code)}
          </Text>
          <Group justify="end">
            <Button onClick={finish}>{messages.signIn.confirm}</Button>
          </Group>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm">{text.inviteIntro}</Text>
            <TextField
              label={messages.signIn.name}
              maxLength={254}
              autoComplete="off"
              data-autofocus
              value={form.email}
              onChange={(email) => change({ email })}
            />
            <TextField
              label={text.person}
              maxLength={100}
              autoComplete="off"
              value={form.name}
              onChange={(name) => change({ name })}
            />
            <MultiSelect
              label={text.roles}
              data={roles}
              value={form.roles}
              onChange={(held) => change({ roles: held })}
            />
            <FailureAlert failure={failure} />
            <Group justify="end">
              <Button variant="default" onClick={finish}>
                {messages.cancel}
              </Button>
              <Button type="submit" loading={busy}>
                {text.invite}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}
