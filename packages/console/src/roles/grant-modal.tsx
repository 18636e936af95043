import { Alert, Button, Group, Modal, Radio, Stack, Switch, Text, Textarea } from '@mantine/core'
import type { ChannelInfo, Grant, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { linesOf } from '../layout/lines.ts'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.roles

interface GrantModalProps {
  role: RoleInfo
  channel: ChannelInfo
  close: () => void
  changed: () => void
}

/** What one role may do on one channel, and what follows of a change. */
export function GrantModal({ role, channel, close, changed }: GrantModalProps) {
  const granted = role.grants.filter((grant) => grant.channel === channel.name)
  const publishing = granted.find(({ right }) => right === 'publish')
  const before = {
    publish: publishing === undefined ? 'none' : publishing.filters ? 'part' : 'all',
    filters: (publishing?.filters ?? []).join('\n'),
    subscribe: granted.some(({ right }) => right === 'subscribe'),
  }
  const [form, setForm] = useState(before)
  const { busy, failure, run } = useRequest()
  const change = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }))
  const filters = linesOf(form.filters)
  const wanted: Grant[] = [
    ...(form.publish === 'none'
      ? []
      : [{ channel: channel.name, right: 'publish' as const, ...(form.publish === 'part' ? { filters } : {}) }]),
    ...(form.subscribe ? [{ channel: channel.name, right: 'subscribe' as const }] : []),
  ]
  const isLost = ({ right, filters: held }: Grant) =>
    !wanted.some(
      (grant) => grant.right === right && grant.filters?.toSorted().join('\n') === held?.toSorted().join('\n'),
    )
  const loses = granted.some(isLost)
  const isSame = !loses && wanted.length === granted.length
  const save = async () => {
    const saved = await run(async () => {
      const others = role.grants.filter((grant) => grant.channel !== channel.name)
      const request = { grants: [...others, ...wanted], revision: role.revision }
      await authority.request('PATCH', at(routes.role, role.id), request)
    })
    if (!saved) return
    changed()
    close()
  }
  return (
    <Modal opened onClose={close} title={text.cellTitle(role.name, channel.name)} centered>
      <Stack>
        <Text size="xs" ff="monospace">
          {channel.filters.join(', ')}
        </Text>
        <Radio.Group label={text.publishing} value={form.publish} onChange={(publish) => change({ publish })}>
          <Stack gap="xs" mt="xs">
            <Radio value="none" label={text.publishNone} />
            <Radio value="all" label={text.publishAll} />
            <Radio value="part" label={text.publishOnly} />
          </Stack>
        </Radio.Group>
        {form.publish === 'part' && (
          <Textarea
            label={text.filters}
            description={text.filtersHint}
            autosize
            minRows={2}
            value={form.filters}
            onChange={(event) => change({ filters: event.currentTarget.value })}
          />
        )}
        <Switch
          label={text.subscribing}
          checked={form.subscribe}
          onChange={(event) => change({ subscribe: event.currentTarget.checked })}
        />
        {!isSame && (
          <Alert color={loses ? 'orange' : 'teal'} role="status">
            <Text size="sm">{text.affects(role.name, text.members(role.members))}</Text>
            {loses && <Text size="sm">{text.loses(channel.name)}</Text>}
          </Alert>
        )}
        <FailureAlert failure={failure} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {messages.cancel}
          </Button>
          <Button
            color={loses ? 'red' : undefined}
            loading={busy}
            disabled={isSame || (form.publish === 'part' && filters.length === 0)}
            onClick={() => void save()}
          >
            {messages.save}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
