import { Button, FileInput, Group, SegmentedControl, Stack, Text, Textarea } from '@mantine/core'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import { type Draft, type Form, forms, type PayloadFault, payloadFault } from './draft.ts'
import classes from './publisher.module.css'

interface PayloadEditorProps {
  draft: Draft
  change: (change: Partial<Draft>) => void
  file: File | null
  setFile: (file: File | null) => void
}

/** What is sent: text, checked JSON or hex, or a file. */
export function PayloadEditor({ draft, change, file, setFile }: PayloadEditorProps) {
  const { form } = draft
  const value = form === 'hex' ? draft.hex : draft.text
  const fault = payloadFault(draft)
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <SegmentedControl
          aria-label={text.form}
          value={form}
          onChange={(next) => change({ form: next as Form })}
          data={forms.map((name) => ({ value: name, label: text.forms[name] }))}
        />
        {form === 'json' && (
          <Button
            variant="default"
            size="xs"
            disabled={fault !== null}
            onClick={() => change({ text: JSON.stringify(JSON.parse(draft.text), null, 2) })}
          >
            {text.tidy}
          </Button>
        )}
      </Group>
      {form === 'file' ? (
        <FileInput label={text.file} placeholder={text.fileNone} value={file} onChange={setFile} clearable />
      ) : (
        <Textarea
          label={text.payload}
          classNames={{ input: classes.payload }}
          autosize
          minRows={6}
          maxRows={18}
          spellCheck={false}
          autoCapitalize="off"
          value={value}
          onChange={({ currentTarget }) =>
            change(form === 'hex' ? { hex: currentTarget.value } : { text: currentTarget.value })
          }
          error={value !== '' && fault !== null ? faultText(fault) : null}
        />
      )}
      {form === 'file' && file && <Text size="xs">{text.size(file.size)}</Text>}
    </Stack>
  )
}

/** A sentence with the place. */
export function faultText({ form, place }: PayloadFault): string {
  if (place === null) return text.halfByte
  return form === 'json' ? text.notJson(place.line, place.column) : text.notHex(place.line, place.column)
}
