import { Button, Group, Modal, Stack, Switch, TagsInput, Text } from '@mantine/core'
import type { RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.roles
const flags = ['auditor', 'monitor', 'requireAuthenticator'] as const

/** Makes a role, or changes all of one but its grants. @param role null: a new one */
export function RoleModal({ role, close, changed }: { role: RoleInfo | null; close: () => void; changed: () => void }) {
  const [form, setForm] = useState({
    name: role?.name ?? '',
    administrator: role?.administrator ?? false,
    auditor: role?.auditor ?? false,
    monitor: role?.monitor ?? false,
    requireAuthenticator: role?.requireAuthenticator ?? false,
    approveDomains: role?.approveDomains ?? [],
  })
  const { busy, failure, run } = useRequest()
  const change = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }))
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const saved = await run(async () => {
      const name = form.name.trim()
      const { administrator, ...rest } = form
      if (role === null) await authority.request('POST', routes.roles, { ...rest, name, administrator, grants: [] })
      else await authority.request('PATCH', at(routes.role, role.id), { ...rest, name, revision: role.revision })
    })
    if (!saved) return
    changed()
    close()
  }
  return (
    <Modal opened onClose={close} title={role === null ? text.create : text.edit(role.name)} centered>
      <form onSubmit={(event) => void submit(event)}>
        <Stack>
          <TextField
            label={text.name}
            maxLength={100}
            autoComplete="off"
            data-autofocus
            value={form.name}
            onChange={(name) => change({ name })}
          />
          {role === null ? (
            <Switch
              label={text.flagLabels.administrator}
              checked={form.administrator}
              onChange={(event) => change({ administrator: event.currentTarget.checked })}
            />
          ) : (
            <Text size="sm">{text.administratorFixed}</Text>
          )}
          {flags.map((flag) => (
            <Switch
              key={flag}
              label={text.flagLabels[flag]}
              checked={form[flag]}
              onChange={(event) => change({ [flag]: event.currentTarget.checked })}
            />
          ))}
          <TagsInput
            label={text.domains}
            description={text.domainsHint}
            placeholder="plant.example"
            value={form.approveDomains}
            onChange={(approveDomains) => change({ approveDomains })}
          />
          <FailureAlert failure={failure} />
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {messages.cancel}
            </Button>
            <Button type="submit" loading={busy}>
              {messages.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
