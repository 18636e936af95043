import type { Broker } from '../broker/interface.ts'
import { appendNote, checkNoteFile } from './checkpoint-file.ts'
import { CheckpointPlace, type CheckpointPlaceOptions } from './checkpoint-place.ts'
import { checkTopic } from './checkpoint-topic.ts'
import { checkWebhook, postNote } from './checkpoint-webhook.ts'

/** Where checkpoints are published by themselves; null: nowhere. */
export interface CheckpointSetting {
  /** Path; each note is appended. */
  file: string | null
  /** `https://…` that takes a POST. */
  webhook: string | null
  /** Of the broker; no channel may hold it. */
  topic: string | null
}

/** @throws StartError `bad-setting` */
export async function checkCheckpointSetting(setting: Partial<CheckpointSetting>, allowPlain: boolean): Promise<void> {
  if (setting.webhook != null) checkWebhook(setting.webhook, allowPlain)
  if (setting.topic != null) checkTopic(setting.topic)
  if (setting.file != null) await checkNoteFile(setting.file)
}

/** The places that the settings name. */
export function checkpointPlaces(
  { file, webhook, topic }: Partial<CheckpointSetting>,
  broker: Pick<Broker, 'publishOwn'>,
  options: Pick<CheckpointPlaceOptions, 'schedule' | 'logger'> & { failed: (place: string) => void },
): CheckpointPlace[] {
  const place = (name: CheckpointPlaceOptions['name'], deliver: CheckpointPlaceOptions['deliver']) =>
    new CheckpointPlace({ ...options, name, deliver, failed: () => options.failed(name) })
  return [
    ...(file != null ? [place('file', (note) => appendNote(file, note))] : []),
    ...(webhook != null ? [place('webhook', (note) => postNote(webhook, note))] : []),
    ...(topic != null ? [place('topic', (note) => broker.publishOwn(topic, note))] : []),
  ]
}
