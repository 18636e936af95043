import { FormatError, type PayloadFormat } from './payload-format.ts'

/** Sparkplug 3.0, 4.1: namespace/group/message type/edge node[/device], and the state of a host application. */
const nodeTopic = /^spBv1\.0\/[^/]+\/(?:NBIRTH|NDEATH|NDATA|NCMD)\/[^/]+$/
const deviceTopic = /^spBv1\.0\/[^/]+\/(?:DBIRTH|DDEATH|DDATA|DCMD)\/[^/]+\/[^/]+$/
const stateTopic = /^spBv1\.0\/STATE\/[^/]+$/

/** Sparkplug B payloads pass as they are; their topics must be those of Sparkplug on the machines' side. */
export const sparkplugFormat: PayloadFormat = {
  name: 'sparkplug',
  fromMachine: checked,
  toMachine: checked,
}

function checked(payload: Uint8Array, topic: string): Uint8Array {
  if (nodeTopic.test(topic) || deviceTopic.test(topic) || stateTopic.test(topic)) return payload
  throw new FormatError('not a Sparkplug topic')
}
