import Type, { type Static } from 'typebox'

/** The body of every answer that is not 2xx. `message` is one sentence and what to do. */
export const Failure = Type.Object(
  {
    code: Type.String({ description: 'Stable code, for example not-signed-in' }),
    message: Type.String(),
    retryAfter: Type.Optional(Type.Number({ description: 'Seconds' })),
    factor: Type.Optional(
      Type.Union([Type.Literal('totp'), Type.Literal('email'), Type.Literal('password')], {
        description: 'What otp-required and step-up-required ask for',
      }),
    ),
  },
  { $id: 'Failure' },
)
export type Failure = Static<typeof Failure>
