/** Why a gateway does not start or go on, with what to do. */
export const gatewayErrorCodes = {
  'bad-config': 'Correct the file; docs/gateway.md describes every setting.',
  'unsafe-file': 'Let only the user that runs the gateway read it: chmod 600 FILE.',
  'rules-loop': 'A message would go round for ever. Send one of these rules to other topics.',
  'rules-overlap':
    'Make the filters disjoint, or write "first: true" in the rule that stands first and is to take such topics.',
  'rules-sparkplug': "Use a parallel root, for example sealed/spBv1.0/… on the plant's side.",
  'rules-not-permitted': 'Change the rule, or ask an administrator for the channel or the grant.',
  'queue-locked': 'Stop the other gateway, or name another folder.',
  'queue-damaged': 'Move the folder away: the messages in it are not forwarded.',
  'port-in-use': 'Stop the other program, or give another port.',
  'address-unusable': 'Give an address of this machine.',
  'machines-refused': "Check the user, the password and the rights at the machines' broker.",
} as const
export type GatewayErrorCode = keyof typeof gatewayErrorCodes

/** A fault that ends the gateway. The text holds no password, key or payload. */
export class GatewayError extends Error {
  readonly code: GatewayErrorCode
  /** @param details one sentence each; of a configuration with the file and line in front */
  constructor(code: GatewayErrorCode, ...details: string[]) {
    super([details.join('\n'), gatewayErrorCodes[code]].join(details.length > 1 ? '\n' : ' '))
    this.name = 'GatewayError'
    this.code = code
  }
}
