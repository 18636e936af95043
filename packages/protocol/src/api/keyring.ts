import Type, { type Static } from 'typebox'

/** One channel of a keyring. Bytes are base64url. */
export const KeyringChannel = Type.Object({
  manifest: Type.String({ description: 'COSE_Sign1 by the authority' }),
  publish: Type.Boolean(),
  subscribe: Type.Boolean(),
  keys: Type.Array(
    Type.Object({
      epoch: Type.Number(),
      epochKey: Type.Optional(Type.String({ description: '32 bytes; only with the subscribe grant' })),
      senderKey: Type.Optional(Type.String({ description: '32 bytes of this sender; with the publish grant alone' })),
    }),
  ),
})
export type KeyringChannel = Static<typeof KeyringChannel>

/** All that one sender holds now. */
export const Keyring = Type.Object({
  time: Type.Number({ description: 'Authority clock when answered, ms' }),
  revision: Type.Number({ description: 'Grows with every change; the change feed sends it' }),
  deployment: Type.String(),
  sender: Type.Number(),
  renewAt: Type.Optional(Type.Number({ description: 'When this sender is to replace its token, authority time, ms' })),
  directory: Type.String({ description: 'COSE_Sign1 by the authority' }),
  channels: Type.Array(KeyringChannel),
})
export type Keyring = Static<typeof Keyring>
