import { type ChannelSummary, fromHex, topicMatches, topicNameFault } from '@sealmq/protocol'
import type { PublishProperties } from '../worker/protocol.ts'
import { jsonFault, type Place, placeOf } from './json-fault.ts'

export const forms = ['text', 'json', 'hex', 'file'] as const
export type Form = (typeof forms)[number]

/** A message as it is being written. */
export interface Draft {
  topic: string
  form: Form
  /** Of the forms text and json. */
  text: string
  hex: string
  contentType: string
  /** Seconds; '' for none. */
  timeToLive: number | ''
  qos: 0 | 1 | 2
  retain: boolean
  /** MQTT 5. Seconds; '' for none. */
  expiry: number | ''
  /** MQTT 5. */
  responseTopic: string
  /** MQTT 5. `name=value`, one a line. */
  userProperties: string
}

export const emptyDraft: Draft = {
  topic: '',
  form: 'text',
  text: '',
  hex: '',
  contentType: '',
  timeToLive: '',
  qos: 1,
  retain: false,
  expiry: '',
  responseTopic: '',
  userProperties: '',
}

export type PayloadFault = { form: 'json' | 'hex'; place: Place } | { form: 'hex'; place: null }

const encoder = new TextEncoder()

/** What is wrong with what was typed; null when nothing is. */
export function payloadFault({ form, text, hex }: Draft): PayloadFault | null {
  if (form === 'json') {
    const place = jsonFault(text)
    return place && { form, place }
  }
  if (form !== 'hex') return null
  const at = hex.search(/[^0-9a-fA-F\s]/)
  if (at !== -1) return { form, place: placeOf(hex, at) }
  // Half a byte is not guessed at.
  return hex.replaceAll(/\s/g, '').length % 2 === 1 ? { form, place: null } : null
}

/** The bytes of what was typed, which has no fault; a file is read elsewhere. */
export function typedBytes({ form, text, hex }: Draft): Uint8Array {
  return form === 'hex' ? fromHex(hex.replaceAll(/\s/g, '')) : encoder.encode(text)
}

/** Line of the first user property that is none, from 1; null when all are. */
export function userPropertyFault(text: string): number | null {
  const index = text.split('\n').findIndex((line) => line.trim() !== '' && line.indexOf('=') < 1)
  return index === -1 ? null : index + 1
}

/** What is wrong with a response topic; null when nothing is, or none is given. */
export const responseTopicFault = (topic: string): string | null => (topic === '' ? null : topicNameFault(topic))

/** Undefined without any. */
export function propertiesOf({ expiry, responseTopic, userProperties }: Draft): PublishProperties | undefined {
  const properties: PublishProperties = {}
  if (expiry !== '') properties.messageExpiryInterval = expiry
  if (responseTopic !== '') properties.responseTopic = responseTopic
  const pairs = new Map<string, string[]>()
  for (const line of userProperties.split('\n').filter((line) => line.trim() !== '')) {
    const name = line.slice(0, line.indexOf('='))
    pairs.set(name, [...(pairs.get(name) ?? []), line.slice(name.length + 1)])
  }
  if (pairs.size > 0) properties.userProperties = Object.fromEntries(pairs)
  return Object.keys(properties).length > 0 ? properties : undefined
}

/** A filter on which this member may publish. */
export interface GrantedFilter {
  filter: string
  channel: ChannelSummary
  /** The grant is on all of the channel. */
  whole: boolean
}

export const grantedFilters = (channels: readonly ChannelSummary[]): GrantedFilter[] =>
  channels.flatMap((channel) => {
    const whole = channel.publish === true
    const filters = channel.publish === true ? channel.filters : channel.publish || []
    return filters.map((filter) => ({ filter, channel, whole }))
  })

/** The channel that a topic lies in, also where it may not be published. */
export const channelOfTopic = (channels: readonly ChannelSummary[], topic: string): ChannelSummary | null =>
  channels.find(({ filters }) => filters.some((filter) => topicMatches(filter, topic))) ?? null

/** Of a filter, what a topic begins with: all before its first wildcard. */
export const beginning = (filter: string): string => filter.replace(/[+#].*$/, '')

export const hasWildcard = (filter: string): boolean => /[+#]/.test(filter)
