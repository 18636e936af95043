import { Button, Group, Modal, MultiSelect, Stack } from '@mantine/core'
import type { MemberInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.people

interface RolesModalProps {
  member: MemberInfo
  roles: string[]
  close: () => void
  changed: () => void
}

/** Gives a member exactly these roles. */
export function RolesModal({ member, roles, close, changed }: RolesModalProps) {
  const [held, setHeld] = useState(member.roles)
  const { busy, failure, run } = useRequest()
  const save = async () => {
    const saved = await run(async () => {
      await authority.request('PATCH', at(routes.member, member.id), { roles: held })
    })
    if (!saved) return
    changed()
    close()
  }
  return (
    <Modal opened onClose={close} title={`${text.changeRoles}: ${member.name}`} centered>
      <Stack>
        <MultiSelect label={text.roles} data={roles} value={held} onChange={setHeld} searchable />
        <FailureAlert failure={failure} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {messages.cancel}
          </Button>
          <Button loading={busy} onClick={() => void save()}>
            {messages.save}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
