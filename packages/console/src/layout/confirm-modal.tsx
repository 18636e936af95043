import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { messages } from '../messages/english.ts'

/** Something that is asked before it is done. */
export interface Question {
  /** What would happen. */
  sentence: string
  /** Of the button that does it. */
  label: string
  answer: () => unknown
}

export function ConfirmModal({ question, close }: { question: Question | null; close: () => void }) {
  return (
    <Modal opened={question !== null} onClose={close} title={question?.label} centered>
      <Stack>
        <Text size="sm">{question?.sentence}</Text>
        <Group justify="end">
          <Button variant="default" onClick={close} data-autofocus>
            {messages.cancel}
          </Button>
          <Button
            color="red"
            onClick={() => {
              close()
              question?.answer()
            }}
          >
            {question?.label}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
