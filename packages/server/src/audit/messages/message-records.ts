import type { AuditActor, AuditEvent } from '@sealmq/audit-log'
import type { AcceptedMessage } from '../../broker/interface.ts'
import { stranger } from '../actors.ts'
import type { AuditedChannel, AuditedSender, MessageDirectory } from './message-directory.ts'
import type { CheckedMessage } from './public-check.ts'
import type { WaitingRecord } from './record-queue.ts'
import { shownTopic } from './shown-topic.ts'

/** A message of a channel whose every message is recorded, with what was known when the broker took it. */
export interface QueuedMessage extends AcceptedMessage {
  channel: AuditedChannel
  /** Whose connection it came by. */
  by: AuditActor | null
}

/** Who a connection belongs to, as records name it. */
export function senderActor(directory: MessageDirectory, sender: number): AuditActor {
  const known: AuditedSender | undefined = directory.senders.get(sender)
  return known?.actor ?? { kind: 'sender', member: null, sender, name: null, roles: [] }
}

/** An actor of which nothing but a header speaks. */
export const claimed = (actor: AuditActor): AuditActor => ({ ...actor, claimed: true })

/** The record of a message that was checked. */
export function acceptRecord(
  message: QueuedMessage,
  checked: CheckedMessage,
  directory: MessageDirectory,
): WaitingRecord {
  const { channel, topic, payload, qos, retain, time } = message
  const event: AuditEvent = {
    action: 'message.accept',
    on: { kind: 'topic', id: null, name: shownTopic(topic) },
    channel: channel.name,
    detail: { ...detailOf(message, checked), size: payload.length, qos, retain, accepted: time },
  }
  const actor = actorOf(message, checked, directory)
  return { record: { event, origin: { actor, address: null, request: null } }, time, messages: 1 }
}

function detailOf({ sender }: QueuedMessage, checked: CheckedMessage): NonNullable<AuditEvent['detail']> {
  if (checked.form === 'empty') return { empty: true }
  const { sha256 } = checked
  if (checked.form === 'malformed') return { malformed: checked.code, sha256 }
  const { epoch, session, sequence, signature } = checked
  const isOther = sender !== null && sender !== checked.sender
  return {
    epoch,
    session,
    sequence,
    sha256,
    signature,
    ...(isOther ? { headerSender: checked.sender, mismatch: true } : {}),
  }
}

// A connection proves its sender to the broker, not to those who read: without signatures any of them could have written it.
function actorOf({ by, channel }: QueuedMessage, checked: CheckedMessage, directory: MessageDirectory): AuditActor {
  const isUnsigned = (checked.form === 'envelope' ? checked.unsigned : null) ?? !channel.signed
  if (by) return isUnsigned ? claimed(by) : by
  if (checked.form !== 'envelope') return stranger()
  const actor = senderActor(directory, checked.sender)
  return checked.signature === 'good' ? actor : claimed(actor)
}
