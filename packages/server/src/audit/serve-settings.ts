import type { ServeOptions } from '../app.ts'
import type { IdentitySettings } from '../identity/settings.ts'
import type { ServeSettings } from './authority-records.ts'

/** What of the settings is recorded: no credentials, and of URLs that may hold some only where they lead. Times ms. */
export function describeSettings(options: ServeOptions, identity: IdentitySettings): ServeSettings {
  const { dataDir, http, mqtt, tls, store, allowPlain, masterKey, logLevel, name, mail, checkpoints } = options
  return {
    dataDir,
    http: `${http.host}:${http.port}`,
    mqtt: `${mqtt.host}:${mqtt.port}`,
    tls: tls?.kind ?? 'none',
    tlsNames: tls?.kind === 'local' ? tls.names : [],
    tlsCert: tls?.kind === 'files' ? tls.cert : null,
    store: store === null ? 'sqlite' : withoutCredentials(store),
    allowPlain,
    masterKey: masterKey === null ? 'file' : 'environment',
    logLevel,
    name,
    mailServer: mail ? `${mail.host}:${mail.port}` : null,
    mailPlain: mail?.allowPlain ?? false,
    mailFrom: mail?.from ?? options.mailFrom ?? null,
    publicUrl: options.publicUrl ? new URL(options.publicUrl).origin : null,
    trustProxy: options.trustProxy ?? false,
    checkpointFile: checkpoints?.file ?? null,
    checkpointWebhook: checkpoints?.webhook ? new URL(checkpoints.webhook).origin : null,
    checkpointTopic: checkpoints?.topic ?? null,
    ...identity,
  }
}

function withoutCredentials(location: string): string {
  if (!URL.canParse(location)) return 'postgres'
  const { host, pathname } = new URL(location)
  return `postgres://${host}${pathname}`
}
