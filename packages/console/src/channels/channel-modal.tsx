import { Alert, Button, Group, Modal, NumberInput, Select, SimpleGrid, Stack, Textarea } from '@mantine/core'
import type { ChannelInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { linesOf } from '../layout/lines.ts'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.channelForm
const labelled = (labels: { readonly [value: string]: string }) =>
  Object.entries(labels).map(([value, label]) => ({ value, label }))
const suites = ['A256GCM', 'ChaCha20/Poly1305', 'A256CBC-HS512']
const fresh = {
  name: '',
  filters: [] as string[],
  suite: 'A256GCM',
  kind: 'telemetry',
  signing: 'each',
  audit: 'counts',
  maximumAge: 3600,
  late: 'mark',
  lease: 86_400,
}

interface ChannelModalProps {
  /** null: a new one. */
  channel: ChannelInfo | null
  close: () => void
  changed: () => void
}

/** Makes a channel, or changes one. */
export function ChannelModal({ channel, close, changed }: ChannelModalProps) {
  const before = channel ?? fresh
  const [form, setForm] = useState({ ...fresh, ...before, filters: before.filters.join('\n') })
  const { busy, failure, run } = useRequest()
  const change = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }))
  const filters = linesOf(form.filters)
  const startsEpoch =
    channel !== null &&
    (filters.toSorted().join('\n') !== channel.filters.toSorted().join('\n') ||
      form.suite !== channel.suite ||
      form.kind !== channel.kind ||
      form.signing !== channel.signing)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const { suite, kind, signing, audit, maximumAge, late, lease } = form
    const request = { name: form.name.trim(), filters, suite, kind, signing, audit, maximumAge, late, lease }
    const saved = await run(async () => {
      if (channel === null) await authority.request('POST', routes.channels, request)
      else await authority.request('PATCH', at(routes.channel, channel.id), request)
    })
    if (!saved) return
    changed()
    close()
  }
  const choice = (
    label: string,
    name: 'suite' | 'kind' | 'signing' | 'audit' | 'late',
    data: Parameters<typeof Select>[0]['data'],
  ) => (
    <Select
      label={label}
      data={data}
      allowDeselect={false}
      value={form[name]}
      onChange={(value) => value !== null && change({ [name]: value })}
    />
  )
  const seconds = (label: string, name: 'maximumAge' | 'lease', min: number, description?: string) => (
    <NumberInput
      label={label}
      description={description}
      min={min}
      max={31_536_000}
      allowDecimal={false}
      hideControls
      value={form[name]}
      onChange={(value) => typeof value === 'number' && change({ [name]: value })}
    />
  )
  return (
    <Modal
      opened
      onClose={close}
      title={channel === null ? text.create : text.changeName(channel.name)}
      centered
      size="lg"
    >
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
          <Textarea
            label={text.filters}
            placeholder="press/+/temperature"
            required
            withAsterisk={false}
            autosize
            minRows={2}
            value={form.filters}
            onChange={(event) => change({ filters: event.currentTarget.value })}
          />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            {choice(text.suite, 'suite', suites)}
            {choice(text.kind, 'kind', labelled(text.kinds))}
            {choice(text.signing, 'signing', labelled(text.signings))}
            {choice(text.audit, 'audit', labelled(messages.channels.levels))}
            {seconds(text.maximumAge, 'maximumAge', 1)}
            {choice(text.late, 'late', labelled(text.lates))}
          </SimpleGrid>
          {seconds(text.lease, 'lease', 60, text.leaseHint)}
          {startsEpoch && (
            <Alert color="orange" role="status">
              {text.newEpoch}
            </Alert>
          )}
          <FailureAlert failure={failure} />
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {messages.cancel}
            </Button>
            <Button type="submit" loading={busy} disabled={filters.length === 0}>
              {messages.save}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
