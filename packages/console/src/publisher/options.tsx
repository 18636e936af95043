import { Fieldset, NumberInput, Select, SimpleGrid, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import { type Draft, responseTopicFault, userPropertyFault } from './draft.ts'

interface OptionsProps {
  draft: Draft
  change: (change: Partial<Draft>) => void
  isCommand: boolean
  /** The connection is MQTT 5. */
  isMqtt5: boolean
}

const seconds = (value: number | string): number | '' => (typeof value === 'number' ? value : '')
const levels = ([0, 1, 2] as const).map((level) => ({ value: String(level), label: text.qosLevels[level] }))

/** How it is sent. */
export function Options({ draft, change, isCommand, isMqtt5 }: OptionsProps) {
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="sm">
        <Select
          label={text.qos}
          data={levels}
          allowDeselect={false}
          value={String(draft.qos)}
          onChange={(value) => change({ qos: Number(value) as Draft['qos'] })}
        />
        <TextInput
          label={text.contentType}
          placeholder="application/json"
          maxLength={255}
          autoCapitalize="none"
          value={draft.contentType}
          onChange={(event) => change({ contentType: event.currentTarget.value })}
        />
        <NumberInput
          label={text.timeToLive}
          min={0}
          max={0xffff_ffff}
          clampBehavior="strict"
          allowDecimal={false}
          hideControls
          value={draft.timeToLive}
          onChange={(value) => change({ timeToLive: seconds(value) })}
        />
      </SimpleGrid>
      <Switch
        label={text.retain}
        description={isCommand ? text.retainCommand : undefined}
        disabled={isCommand}
        checked={draft.retain && !isCommand}
        onChange={(event) => change({ retain: event.currentTarget.checked })}
      />
      {isMqtt5 && <Mqtt5Options draft={draft} change={change} />}
    </Stack>
  )
}

function Mqtt5Options({ draft, change }: Pick<OptionsProps, 'draft' | 'change'>) {
  const wrongLine = userPropertyFault(draft.userProperties)
  return (
    <Fieldset legend={text.mqtt5}>
      <Stack gap="sm">
        <Text size="sm">{text.mqtt5Hint}</Text>
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
          <NumberInput
            label={text.expiry}
            min={0}
            max={0xffff_ffff}
            clampBehavior="strict"
            allowDecimal={false}
            hideControls
            value={draft.expiry}
            onChange={(value) => change({ expiry: seconds(value) })}
          />
          <TextInput
            label={text.responseTopic}
            autoCapitalize="none"
            value={draft.responseTopic}
            error={responseTopicFault(draft.responseTopic)}
            onChange={(event) => change({ responseTopic: event.currentTarget.value })}
          />
        </SimpleGrid>
        <Textarea
          label={text.userProperties}
          autosize
          minRows={2}
          spellCheck={false}
          value={draft.userProperties}
          error={wrongLine === null ? null : text.userPropertyFault(wrongLine)}
          onChange={(event) => change({ userProperties: event.currentTarget.value })}
        />
      </Stack>
    </Fieldset>
  )
}
