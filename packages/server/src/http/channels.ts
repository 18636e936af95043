import { ChannelChange, ChannelCreate, ChannelInfo, printable, routes } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import {
  changeChannel,
  createChannel,
  deleteChannel,
  findChannel,
  listChannels,
  rotateChannel,
} from '../administration/channels.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 100, pattern: printable }) })

/** Channels and their epochs, for administrators. */
export function channelRoutes(http: Http, authority: Authority): void {
  const { store } = authority
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['channels']
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.channels, { schema: { tags, response: { 200: Type.Array(ChannelInfo) } } }, () => listChannels(store))
  http.post(
    routes.channels,
    { config: { audit: 'channel.create' }, schema: { tags, body: ChannelCreate, response: { 201: ChannelInfo } } },
    async (request, reply) => {
      const id = await createChannel(people(request).changes, request.body)
      reply.status(201)
      return findChannel(store, id)
    },
  )
  http.get(routes.channel, { schema: { tags, params, response: { 200: ChannelInfo } } }, (request) =>
    findChannel(store, request.params.id),
  )
  http.patch(
    routes.channel,
    {
      config: { audit: 'channel.change' },
      schema: { tags, params, body: ChannelChange, response: { 200: ChannelInfo } },
    },
    async (request) =>
      findChannel(store, await changeChannel(people(request).changes, request.params.id, request.body)),
  )
  http.delete(
    routes.channel,
    { config: { audit: 'channel.remove' }, schema: { tags, params, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await deleteChannel(people(request).changes, request.params.id)
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.rotate,
    { config: { audit: 'channel.rotate' }, schema: { tags, params, response: { 200: ChannelInfo } } },
    async (request) => findChannel(store, await rotateChannel(people(request).changes, request.params.id)),
  )
}
