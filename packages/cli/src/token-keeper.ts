import { randomBytes } from 'node:crypto'
import type { Identity, TokenKeeper } from '@sealmq/client'
import { changeIdentity, readCredentials } from './credentials-file.ts'

/**
 * Keeps the token of a device in its credentials file, where all processes of the device read it before each request. The next
 * one is on the disk before it is told, and in the place of the one before, on the disk too, before it is used: at whatever moment
 * the machine stops, a token is there that the authority takes.
 */
export function fileTokenKeeper(identity: Identity): TokenKeeper {
  const { sender } = identity
  let { token } = identity
  return {
    current: async () => {
      // Signed out or enrolled anew meanwhile: with the token of before it is told so.
      const kept = await readCredentials().catch(() => null)
      if (kept?.identity?.sender === sender) token = kept.identity.token
      return token
    },
    renew: async (tell) => {
      let next: string | null = null
      await changeIdentity((kept) => {
        // Another process has renewed it since the authority was asked.
        if (kept.sender !== sender || kept.token !== token) return null
        next = kept.nextToken ?? randomBytes(32).toString('base64url')
        return kept.nextToken === undefined ? { ...kept, nextToken: next } : null
      })
      if (next === null) return
      await tell(next)
      await changeIdentity(({ nextToken, ...kept }) =>
        kept.sender === sender && nextToken === next ? { ...kept, token: nextToken } : null,
      )
    },
  }
}

/** For devices: what people sign in with is written by many commands, and ends with the session. */
export async function tokenKeeper(identity: Identity): Promise<{ tokens?: TokenKeeper }> {
  const { session } = await readCredentials()
  return session === null ? { tokens: fileTokenKeeper(identity) } : {}
}
