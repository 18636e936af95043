import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GatewayError, readGatewayConfig } from '@sealmq/gateway'

/** A folder with a password file, keys of the original, and configurations. */
export class SettingsFolder {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sealmq-gateway-settings-'))

  constructor() {
    this.write('password', 'oil and steel\n')
    const keys = { aesKey: Buffer.alloc(16, 1).toString('base64'), hmacKey: Buffer.alloc(32, 2).toString('base64') }
    this.write('keys.json', JSON.stringify(keys))
  }

  write(name: string, text: string, mode = 0o600): string {
    const path = join(this.folder, name)
    writeFileSync(path, text)
    chmodSync(path, mode)
    return path
  }

  /** Reads this text as a configuration, and gives the fault without the folder's name. */
  async fault(text: string): Promise<{ code: string; message: string } | null> {
    const path = this.write('gateway.yaml', text)
    try {
      await readGatewayConfig(path)
      return null
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { code: error.code, message: error.message.replaceAll(`${this.folder}/`, '') }
    }
  }
}

/** A configuration that is right, with these rules as YAML. */
export const withRules = (rules: string): string => `machines:
  listen:
    port: 0
    users:
      - {user: press, passwordFile: password, publish: ['#']}
queue:
  folder: queue
rules:
${rules}
`
