import { Alert, Button, Code, CopyButton, Group, Modal, Stack, Text } from '@mantine/core'
import type { DeploymentInfo, DeviceTicket } from '@sealmq/protocol/api'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { QrCode } from '../layout/qr-code.tsx'
import { messages } from '../messages/english.ts'

const text = messages.devices

/** A ticket with the word that a device is given. */
export interface WrittenTicket extends DeviceTicket {
  word: string
}

/** A ticket, shown once: as a QR code, as text, and for how long it is good. */
export function TicketModal({ ticket, close }: { ticket: WrittenTicket; close: () => void }) {
  const left = useTimeLeft(ticket.expiresAt)
  return (
    <Modal opened onClose={close} title={text.ticket(ticket.name)} centered>
      <Stack>
        <Text size="sm">{text.ticketIntro}</Text>
        {left > 0 ? (
          <>
            <Stack align="center" gap="xs">
              <QrCode content={ticket.word} label={text.qr} size={260} />
              <Text size="sm">{text.ticketLeft(clockText(left))}</Text>
            </Stack>
            <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {ticket.word}
            </Code>
          </>
        ) : (
          <Alert color="orange">{text.ticketOver}</Alert>
        )}
        <Group justify="end">
          {left > 0 && (
            <CopyButton value={ticket.word}>
              {({ copied, copy }) => (
                <Button variant="default" onClick={copy}>
                  {copied ? text.copied : text.copy}
                </Button>
              )}
            </CopyButton>
          )}
          <Button onClick={close} data-autofocus>
            {text.done}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}

// By the authority's clock, as it was last told.
function useTimeLeft(expiresAt: number): number {
  const queries = useQueryClient()
  const told = queries.getQueryState<DeploymentInfo>(['deployment'])
  const ahead = told?.data === undefined ? 0 : told.data.time - told.dataUpdatedAt
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return Math.max(0, Math.floor((expiresAt - now - ahead) / 1000))
}

const clockText = (seconds: number) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
