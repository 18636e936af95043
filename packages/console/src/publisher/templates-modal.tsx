import { Button, FileButton, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import type { Draft } from './draft.ts'
import classes from './publisher.module.css'
import { readTemplates, type Template, templateFile, templateLimits } from './templates.ts'

const queryKey = ['templates']

// Held with what was read for this member, so that signing out forgets them too; never in the browser's storage.
function useTemplates() {
  const queries = useQueryClient()
  const { data = [] } = useQuery<Template[]>({
    queryKey,
    queryFn: () => queries.getQueryData<Template[]>(queryKey) ?? [],
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    networkMode: 'always',
  })
  const set = (templates: Template[]) => queries.setQueryData(queryKey, templates)
  return [data, set] as const
}

interface TemplatesModalProps {
  opened: boolean
  close: () => void
  draft: Draft
  use: (draft: Draft) => void
}

/** Messages to be sent again, kept by this tab or by a file that its person guards. */
export function TemplatesModal({ opened, close, draft, use }: TemplatesModalProps) {
  const [templates, setTemplates] = useTemplates()
  const [name, setName] = useState('')
  const [failure, setFailure] = useState<string | null>(null)
  const isFile = draft.form === 'file'
  const keep = (added: readonly Template[]) => {
    // By name: the later one is meant.
    const merged = new Map([...templates, ...added].map((template) => [template.name, template]))
    setTemplates([...merged.values()])
    setFailure(null)
  }
  const take = async (file: File | null) => {
    if (!file) return
    const read = file.size > templateLimits.bytes ? null : readTemplates(await file.text().catch(() => ''))
    if (read) keep(read)
    else setFailure(text.templatesBad)
  }
  return (
    <Modal opened={opened} onClose={close} title={text.templates} size="lg">
      <Stack>
        <Text size="sm">{text.templatesHint}</Text>
        <FailureAlert failure={failure} />
        {templates.length === 0 && <Text size="sm">{text.templatesNone}</Text>}
        <ul className={classes.topicList}>
          {templates.map((template) => (
            <li key={template.name} className={classes.template}>
              <div className={classes.outcomeText}>
                <Text size="sm" fw={600} className={classes.breaking}>
                  {template.name}
                </Text>
                <Text size="xs" ff="monospace" className={classes.breaking}>
                  {template.draft.topic}
                </Text>
              </div>
              <Button
                size="xs"
                aria-label={text.templateUse(template.name)}
                onClick={() => {
                  use(template.draft)
                  close()
                }}
              >
                {text.use}
              </Button>
              <Button
                size="xs"
                variant="default"
                aria-label={text.templateRemove(template.name)}
                onClick={() => setTemplates(templates.filter((one) => one !== template))}
              >
                {text.remove}
              </Button>
            </li>
          ))}
        </ul>
        <Group align="end">
          <TextInput
            label={text.templateName}
            className={classes.growing}
            maxLength={templateLimits.name}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            description={isFile ? text.templateFile : undefined}
          />
          <Button
            disabled={name.trim() === '' || isFile}
            onClick={() => {
              keep([{ name: name.trim(), draft }])
              setName('')
            }}
          >
            {text.templateSave}
          </Button>
        </Group>
        <Group>
          <Button variant="default" disabled={templates.length === 0} onClick={() => save(templates)}>
            {text.templatesExport}
          </Button>
          <FileButton accept="application/json,.json" onChange={(file) => void take(file)}>
            {(props) => (
              <Button variant="default" {...props}>
                {text.templatesImport}
              </Button>
            )}
          </FileButton>
        </Group>
      </Stack>
    </Modal>
  )
}

function save(templates: readonly Template[]): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([templateFile(templates)], { type: 'application/json' }))
  link.download = 'sealmq-templates.json'
  link.click()
  URL.revokeObjectURL(link.href)
}
