import { join } from 'node:path'

export interface ConfigurationOptions {
  /** Absolute; holds all that the broker writes. */
  folder: string
  host: string
  port: number
  /** Certificate chain and key, PEM files; null for plain TCP. */
  tls: { cert: string; key: string } | null
  /** Path of the dynamic security plugin. */
  plugin: string
  /** As whom it runs when root starts it; null: as whoever starts it. */
  user: string | null
  /** Seconds between two times at which everything is saved. */
  autosave?: number
}

/** What a crash or a power cut loses at most of what was acknowledged, s. */
export const autosaveInterval = 30

export const securityFile = (folder: string): string => join(folder, 'dynamic-security.json')

/** A mosquitto.conf with the limits of the embedded broker, and nothing allowed that the plugin does not grant. */
export function mosquittoConfiguration(options: ConfigurationOptions): string {
  const { folder, host, port, tls, plugin, user, autosave = autosaveInterval } = options
  const lines = [
    '# A broker of sealed messages; rights come from the authority through the dynamic security plugin.',
    ...(user === null ? [] : [`user ${user}`]),
    'per_listener_settings false',
    `listener ${port} ${host}`,
    'max_connections 5000',
    ...(tls ? [`certfile ${tls.cert}`, `keyfile ${tls.key}`, 'tls_version tlsv1.2'] : []),
    '',
    'allow_anonymous false',
    `plugin ${plugin}`,
    `plugin_opt_config_file ${securityFile(folder)}`,
    '',
    '# Retained messages, sessions and their queues. Saved every so many seconds and at the end: a crash, a SIGKILL or a',
    '# power cut loses what came after the last time, acknowledged or not. Each loss shows as a gap to subscribers. 1 saves',
    '# each second, and costs as much as is kept.',
    'persistence true',
    `persistence_location ${folder}/`,
    `autosave_interval ${autosave}`,
    '',
    '# Of a session that is away: the newest are dropped when it is full. It ends when it was away for so long.',
    'max_queued_messages 10000',
    'persistent_client_expiration 14d',
    '# Of one packet, bytes.',
    'max_packet_size 1048576',
    '',
    '# The authority reads this log, to know who is connected and whether rights could be saved. Nobody else may.',
    'log_dest stderr',
    'log_dest topic',
    'log_type error',
    'log_type warning',
    'log_type notice',
    'connection_messages true',
  ]
  return `${lines.join('\n')}\n`
}

/**
 * Starts the broker, with the administrator alone when the plugin was killed while it wrote: it empties its file before it writes,
 * and with an empty or cut-off one it would let nobody in. The authority puts back the rest.
 * Started by root, it becomes the broker's user first: that one may write where files are copied to.
 */
export function startScript({ program, configuration, initial, security, user }: StartScriptOptions): string {
  const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`
  const becoming = `if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=${user} --regid=${user} --init-groups "$0"; fi`
  return `${[
    '#!/bin/sh',
    ...(user === null ? [] : [becoming]),
    '# A whole file ends with a brace in a line of its own; all others are indented.',
    `if [ "$(tail -n 1 ${quoted(security)} 2>/dev/null)" != '}' ]; then`,
    `  echo 'dynamic-security.json is not whole: beginning with the administrator alone' >&2`,
    `  cp ${quoted(initial)} ${quoted(security)} || exit 1`,
    'fi',
    `exec ${quoted(program)} -c ${quoted(configuration)}`,
  ].join('\n')}\n`
}

export interface StartScriptOptions {
  /** Path of mosquitto. */
  program: string
  configuration: string
  /** What the file of rights is at first: the administrator alone. */
  initial: string
  security: string
  /** As whom it runs when root starts it. */
  user: string | null
}
