import { Button, Group, Modal, MultiSelect, Stack } from '@mantine/core'
import type { DeviceTicket } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { ticketMaker } from './ticket-maker.ts'
import type { WrittenTicket } from './ticket-modal.tsx'

const text = messages.devices

interface AddDeviceModalProps {
  roles: string[]
  close: () => void
  added: (ticket: WrittenTicket) => void
}

/** Makes a device. */
export function AddDeviceModal({ roles, close, added }: AddDeviceModalProps) {
  const [name, setName] = useState('')
  const [held, setHeld] = useState<string[]>([])
  const { busy, failure, run } = useRequest()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      // First what could fail: a ticket is told once.
      const write = await ticketMaker()
      const ticket = await authority.request<DeviceTicket>('POST', routes.devices, { name: name.trim(), roles: held })
      added({ ...ticket, word: write(ticket) })
    })
  }
  return (
    <Modal opened onClose={close} title={text.add} centered>
      <form onSubmit={submit}>
        <Stack>
          <TextField
            label={text.name}
            description={text.nameHint}
            maxLength={64}
            autoComplete="off"
            autoCapitalize="none"
            data-autofocus
            value={name}
            onChange={setName}
          />
          <MultiSelect label={text.roles} data={roles} value={held} onChange={setHeld} searchable />
          <FailureAlert failure={failure} />
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {messages.cancel}
            </Button>
            <Button type="submit" loading={busy} disabled={held.length === 0}>
              {text.add}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
