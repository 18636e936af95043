import {
  DeviceCreate,
  DeviceInfo,
  DevicePage,
  DevicesImport,
  DevicesQuery,
  DeviceTicket,
  EnrolRequest,
  printable,
  routes,
  SenderCreated,
} from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { createDevice, deviceInfo, importDevices, listDevices, renewTicket } from '../administration/devices.ts'
import { enrolDevice } from '../identity/enrolment.ts'
import type { Authority } from './authority.ts'
import { originOf, peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 64, pattern: printable }) })
/** An import may be as long, bytes. */
const importLimit = 4 * 1024 * 1024

/** Devices and their tickets, for administrators; lock, roles and removal are those of any member. */
export function deviceRoutes(http: Http, authority: Authority): void {
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['devices']
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.devices, { schema: { tags, querystring: DevicesQuery, response: { 200: DevicePage } } }, (request) =>
    listDevices(people(request), request.query),
  )
  http.post(
    routes.devices,
    { config: { audit: 'device.create' }, schema: { tags, body: DeviceCreate, response: { 201: DeviceTicket } } },
    async (request, reply) => reply.status(201).send(await createDevice(people(request), request.body)),
  )
  http.post(
    routes.devicesImport,
    {
      config: { audit: 'device.create' },
      bodyLimit: importLimit,
      schema: { tags, body: DevicesImport, response: { 200: Type.Array(DeviceTicket) } },
    },
    (request) => importDevices(people(request), request.body.devices),
  )
  http.get(routes.device, { schema: { tags, params, response: { 200: DeviceInfo } } }, (request) =>
    deviceInfo(people(request), request.params.id),
  )
  http.post(
    routes.deviceTicket,
    { config: { audit: 'code.send' }, schema: { tags, params, response: { 200: DeviceTicket } } },
    (request) => renewTicket(people(request), request.params.id),
  )
}

/** How a device enters: its ticket is the proof. */
export function enrolmentRoutes(http: Http, authority: Authority): void {
  http.post(
    routes.enrol,
    {
      config: { audit: 'code.use' },
      schema: { tags: ['devices'], body: EnrolRequest, response: { 201: SenderCreated } },
    },
    async (request, reply) =>
      reply.status(201).send(await enrolDevice(peopleOf(authority, request), request.body, originOf(request))),
  )
}
