import { Button, FileInput, Group, Modal, Stack, Text } from '@mantine/core'
import { AuthorityClient } from '@sealmq/client'
import { DeviceListError, readDeviceList } from '@sealmq/protocol'
import type { DeviceTicket } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { saveText } from '../layout/save-text.ts'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { ticketMaker } from './ticket-maker.ts'

const text = messages.devices
/** Ten thousand take the authority some seconds: whoever gives up before has devices without tickets. */
const patient = new AuthorityClient({ url: location.origin, timeout: 300_000 })

/** Makes the devices of a CSV file, all or none, and gives their tickets as a file. */
export function ImportModal({ close, imported }: { close: () => void; imported: () => void }) {
  const [file, setFile] = useState<File | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const [tickets, setTickets] = useState<string[] | null>(null)
  const { busy, failure, run } = useRequest()
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (file === null) return
    setFault(null)
    try {
      const devices = readDeviceList(await file.text())
      await run(async () => {
        const write = await ticketMaker()
        const made = await patient.request<DeviceTicket[]>('POST', routes.devicesImport, { devices })
        setTickets(made.map((ticket) => `${ticket.name},${write(ticket)}`))
        imported()
      })
    } catch (error) {
      if (error instanceof DeviceListError) setFault(text.lineFault(error.line, error.message))
      // A browser reads a file only as it was when it was chosen.
      else setFault(text.fileChanged)
      setFile(null)
    }
  }
  return (
    <Modal opened onClose={close} title={text.importTitle} centered>
      {tickets === null ? (
        <form onSubmit={(event) => void submit(event)}>
          <Stack>
            <Text size="sm">{text.importIntro}</Text>
            <FileInput
              label={text.file}
              placeholder={text.fileNone}
              accept=".csv,text/csv"
              clearable
              clearButtonProps={{ 'aria-label': text.fileClear }}
              value={file}
              onChange={setFile}
            />
            <FailureAlert failure={fault ?? failure} />
            <Group justify="end">
              <Button variant="default" onClick={close}>
                {messages.cancel}
              </Button>
              <Button type="submit" loading={busy} disabled={file === null}>
                {text.import}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Text size="sm" role="status">
            {text.imported(tickets.length)}
          </Text>
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {text.done}
            </Button>
            <Button onClick={() => saveText('sealmq-tickets.csv', `${['name,ticket', ...tickets].join('\n')}\n`)}>
              {text.download}
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  )
}
