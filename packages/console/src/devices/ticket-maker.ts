import { fromBase64url, toBase64url, writeTicket } from '@sealmq/protocol'
import type { DeploymentInfo, DeviceTicket } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { authority } from '../authority/authority.ts'
import { isFailure } from '../authority/failure-text.ts'

/**
 * What turns the authority's codes into tickets that say whom to trust: the authority of this page.
 * @throws AuthorityError, ClientError
 */
export async function ticketMaker(): Promise<(made: DeviceTicket) => string> {
  const { authorityKey } = await authority.request<DeploymentInfo>('GET', routes.deployment)
  const trusted = {
    server: location.origin,
    authorityKey: await fingerprint(fromBase64url(authorityKey)),
    ca: location.protocol === 'https:' ? await ownCa() : null,
  }
  return ({ name, code }) => writeTicket({ ...trusted, device: name, code })
}

/** Fingerprint of the authority's own CA; null when its certificate comes from elsewhere. */
async function ownCa(): Promise<string | null> {
  try {
    const stream = await authority.open(routes.ca, AbortSignal.timeout(20_000))
    const pem = await new Response(stream).text()
    const body = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem)?.[1] ?? ''
    return await fingerprint(Uint8Array.from(atob(body.replaceAll(/\s/g, '')), (character) => character.charCodeAt(0)))
  } catch (error) {
    if (isFailure(error, 'not-found')) return null
    throw error
  }
}

const fingerprint = async (bytes: Uint8Array): Promise<string> =>
  toBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))))
