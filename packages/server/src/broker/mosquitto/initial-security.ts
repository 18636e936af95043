import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { denyingDefaults } from './security-state.ts'

/** As the plugin itself makes them; passwords are 256 random bits, which need no slow hash. */
const iterations = 101

/** What the administrator may: the plugin's topics, the broker's own, and the log. It neither reads nor writes messages. */
const administratorAcls = [
  { acltype: 'publishClientSend', topic: '$CONTROL/dynamic-security/#', allow: true },
  { acltype: 'publishClientReceive', topic: '$CONTROL/dynamic-security/#', allow: true },
  { acltype: 'subscribePattern', topic: '$CONTROL/dynamic-security/#', allow: true },
  { acltype: 'publishClientReceive', topic: '$SYS/#', allow: true },
  { acltype: 'subscribePattern', topic: '$SYS/#', allow: true },
]

/** The content of a new dynamic-security.json: one administrator, everything else denied. */
export function initialSecurity(administrator: { username: string; password: string }): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(administrator.password, salt, iterations, 64, 'sha512')
  const { username } = administrator
  return `${JSON.stringify(
    {
      clients: [
        {
          username,
          textName: 'The authority',
          password: hash.toString('base64'),
          salt: salt.toString('base64'),
          iterations,
          roles: [{ rolename: 'administrator' }],
        },
      ],
      roles: [{ rolename: 'administrator', acls: administratorAcls }],
      defaultACLAccess: denyingDefaults,
    },
    null,
    2,
  )}\n`
}
