/** What can go wrong beside a message itself, with what to do. */
export const clientErrorCodes = {
  'authority-unreachable': 'The authority cannot be reached. Check its address and the network.',
  'authority-untrusted':
    'The certificate of the authority is not trusted. Check the address, and give its CA (sealmq: --ca FILE).',
  'authority-mismatch':
    'This is not the authority that the ticket is of: its key is another. Nothing was sent; ask whoever gave you the ticket.',
  'broker-untrusted': 'The certificate of the broker is not trusted. Sign in with its CA (sealmq: --ca FILE).',
  'broker-unreachable': 'The broker cannot be reached. Check that it runs and its address.',
  'broker-refused': 'The broker refused the connection or the message. Sign in again if the sender was removed.',
  revoked: 'This sender was removed or its member was. Sign in again, or ask an administrator.',
  'subscription-refused': 'The role does not allow this subscription. Ask an administrator for the grant.',
  'payload-too-large': 'The message is larger than the broker takes. Send less at once.',
  'storage-busy':
    'What the client remembers could not be saved. Check that nothing blocks the folder; a lock file that nobody holds may be removed.',
  ended: 'The client has ended.',
} as const
export type ClientErrorCode = keyof typeof clientErrorCodes

/** A fault of the connection or of rights. The text never holds a key or payload. */
export class ClientError extends Error {
  readonly code: ClientErrorCode
  constructor(code: ClientErrorCode, detail?: string) {
    super(detail ? `${detail} ${clientErrorCodes[code]}` : clientErrorCodes[code])
    this.name = 'ClientError'
    this.code = code
  }
}

/** Whether an error is about a certificate (codes of OpenSSL and Node). */
export function isCertificateError(code: unknown): boolean {
  return typeof code === 'string' && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS_/.test(code)
}
