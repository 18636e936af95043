import { readGatewayConfig } from '@sealmq/gateway'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SettingsFolder, withRules } from './settings.ts'

const files = new SettingsFolder()
files.write('readable.key', 'x', 0o644)
const right = withRules("  - {direction: up, from: 'm/+/#', to: 'plant/{1}/{#}'}")

describe('a configuration file', () => {
  it('is read, with paths relative to it and defaults for what it leaves out', async () => {
    const config = await readGatewayConfig(files.write('right.yaml', right))
    expect(config).toMatchObject({
      home: null,
      queue: { folder: `${files.folder}/queue`, maximumMessages: 1_000_000, whenFull: 'drop-oldest' },
      machines: { kind: 'listener', host: '127.0.0.1', users: [{ user: 'press', publish: ['#'], subscribe: [] }] },
      rules: [
        { direction: 'up', qos: 1, retain: false, to: { filter: 'plant/+/#' }, place: `${files.folder}/right.yaml:9` },
      ],
    })
  })

  it('may be JSON', async () => {
    const json = {
      machines: { broker: { url: 'mqtt://127.0.0.1:1883', user: 'gateway', passwordFile: 'password' } },
      queue: { folder: '/var/lib/q', whenFull: 'refuse-newest' },
      rules: [{ direction: 'down', from: 'plant/#', to: '{#}' }],
    }
    expect(await readGatewayConfig(files.write('right.json', JSON.stringify(json)))).toMatchObject({
      machines: { kind: 'broker', password: 'oil and steel', mqtt5: true },
      queue: { folder: '/var/lib/q', whenFull: 'refuse-newest' },
      rules: [{ to: { filter: '#' } }],
    })
  })

  it.each([
    ['an unknown setting', `${right}colour: red\n`, 'bad-config', 'gateway.yaml:10: there is no setting colour.'],
    [
      'an unknown setting inside',
      right.replace('port: 0', 'port: 0\n    proxy: true'),
      'bad-config',
      'gateway.yaml:4: there is no setting machines.listen.proxy.',
    ],
    [
      'a setting that is missing',
      right.replace('queue:\n  folder: queue\n', ''),
      'bad-config',
      'gateway.yaml:1: queue is missing.',
    ],
    [
      'a value out of bounds',
      right.replace('port: 0', 'port: 70000'),
      'bad-config',
      'gateway.yaml:3: machines.listen.port must be <= 65535.',
    ],
    [
      'another direction',
      right.replace('up', 'sideways'),
      'bad-config',
      'gateway.yaml:9: rules.0.direction must be one of up, down.',
    ],
    [
      'the same setting twice',
      `${right}queue: {folder: other}\n`,
      'bad-config',
      'gateway.yaml:10: Map keys must be unique',
    ],
    ['a tag', right.replace('folder: queue', 'folder: !secret queue'), 'bad-config', 'gateway.yaml:7:'],
    ['no YAML', 'rules: [', 'bad-config', 'gateway.yaml:1:'],
    ['nothing', '', 'bad-config', 'gateway.yaml:1: the file must be object.'],
    [
      'a filter that is none',
      right.replace('m/+/#', 'm/+x/#'),
      'bad-config',
      'gateway.yaml:9: m/+x/#: The wildcard + must fill a whole level.',
    ],
    ['a filter of the broker', right.replace('m/+/#', '$SYS/+/#'), 'bad-config', 'gateway.yaml:9:'],
    [
      'a topic that takes what is not there',
      right.replace('{1}', '{2}'),
      'bad-config',
      'gateway.yaml:9: {2} stands for a + that m/+/# does not have.',
    ],
    [
      'a topic with a wildcard',
      right.replace('plant/{1}', 'plant/+'),
      'bad-config',
      'gateway.yaml:9: The level + is none of',
    ],
    [
      'legacy without keys',
      right.replace('}', '}').replace("{#}'}", "{#}', format: legacy}"),
      'bad-config',
      'gateway.yaml:9: the format legacy and keys belong together.',
    ],
    [
      'a password file that is not there',
      right.replace('passwordFile: password', 'passwordFile: nowhere'),
      'bad-config',
      'gateway.yaml:5: nowhere cannot be read (ENOENT).',
    ],
    [
      'a hash that is none',
      right.replace('passwordFile: password', 'passwordHash: secret'),
      'bad-config',
      'gateway.yaml:5: not a hash',
    ],
    [
      'a user twice',
      right.replace('queue:\n', '      - {user: press, passwordFile: password}\nqueue:\n'),
      'bad-config',
      'gateway.yaml:6: the user press is there twice.',
    ],
    [
      'a plain listener beyond loopback',
      right.replace('port: 0', 'port: 0\n    host: 0.0.0.0'),
      'bad-config',
      'gateway.yaml:4: on 0.0.0.0 everybody on the network could read passwords and payloads.',
    ],
    [
      'a certificate that is none',
      right.replace('port: 0', 'port: 0\n    tls: {certFile: password, keyFile: password}'),
      'bad-config',
      'gateway.yaml:4: password and password are no PEM certificate with its unencrypted key',
    ],
    [
      'a key that others may read',
      right.replace('port: 0', 'port: 0\n    tls: {certFile: password, keyFile: readable.key}'),
      'unsafe-file',
      'gateway.yaml:4: others may read or write readable.key (mode 0644).',
    ],
    [
      'a listener and a broker',
      right.replace('machines:\n', 'machines:\n  broker: {url: "mqtt://127.0.0.1"}\n'),
      'bad-config',
      'gateway.yaml:1: machines takes either listen or broker.',
    ],
  ])('with %s is refused with the line', async (_what, text, code, message) => {
    expect(await files.fault(text)).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  it('takes plain transport beyond loopback when that is said', async () => {
    const open = right.replace('port: 0', 'port: 0\n    host: 0.0.0.0\n    allowPlain: true')
    expect(await files.fault(open)).toBeNull()
    const broker = right.replace(/ {2}listen:[\s\S]*queue:/, '  broker: {url: "mqtt://plant.example"}\nqueue:')
    expect(await files.fault(broker)).toMatchObject({ message: expect.stringContaining('allowPlain: true') })
    expect(await files.fault(broker.replace('example"', 'example", allowPlain: true'))).toBeNull()
  })

  it('does not follow aliases', async () => {
    const text = right.replace('folder: queue', 'folder: &f queue').concat('log: *f\n')
    expect(await files.fault(text)).toMatchObject({ code: 'bad-config', message: expect.stringContaining('aliases') })
  })

  it.each(['password', 'keys.json'])('is refused when others may read %s', async (name) => {
    const text = right.replace("{#}'}", "{#}', format: legacy, keys: keys.json}")
    expect(await files.fault(text)).toBeNull()
    for (const mode of [0o640, 0o604, 0o620]) {
      const { readFileSync } = await import('node:fs')
      const content = readFileSync(`${files.folder}/${name}`, 'utf8')
      files.write(name, content, mode)
      expect(await files.fault(text)).toMatchObject({ code: 'unsafe-file', message: expect.stringContaining(name) })
      files.write(name, content)
    }
  })

  it('of any text is a configuration or a typed error with the file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .tuple(fc.nat(right.length), fc.nat(right.length), fc.string())
            .map(([from, to, text]) => right.slice(0, from) + text + right.slice(to)),
        ),
        async (text) => {
          const fault = await files.fault(text)
          expect(fault === null || fault.message.length > 0).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('rules', () => {
  const fault = (...rules: string[]) => files.fault(withRules(rules.map((rule) => `  - {${rule}}`).join('\n')))

  it('that take one topic are refused with both lines, unless the first says that it takes it', async () => {
    const [wide, narrow] = ["direction: up, from: 'm/#', to: 'a/{#}'", "direction: up, from: 'm/x', to: b"]
    expect(await fault(wide, narrow)).toMatchObject({
      code: 'rules-overlap',
      message: expect.stringMatching(/^gateway\.yaml:10: m\/x takes topics that m\/# of gateway\.yaml:9 takes too\./),
    })
    expect(await fault(narrow, wide)).toMatchObject({ code: 'rules-overlap' })
    expect(await fault(`${narrow}, first: true`, wide)).toBeNull()
    expect(await fault(narrow, `${wide}, first: true`)).toMatchObject({ code: 'rules-overlap' })
    expect(await fault(narrow, "direction: up, from: 'm/y', to: 'b'")).toBeNull()
    expect(
      await fault("direction: down, from: 'p/+/a', to: 'm/{1}'", "direction: down, from: 'p/b/+', to: 'm/{1}'"),
    ).toMatchObject({ code: 'rules-overlap' })
  })

  it('that feed each other are refused with the lines, also round several corners', async () => {
    expect(
      await fault("direction: up, from: 'm/#', to: 'plant/{#}'", "direction: down, from: 'plant/+', to: 'm/{1}'"),
    ).toMatchObject({ code: 'rules-loop', message: expect.stringMatching(/^gateway\.yaml:9: .*gateway\.yaml:10/) })
    expect(
      await fault(
        "direction: up, from: 'a', to: 'p'",
        "direction: down, from: 'p', to: 'b'",
        "direction: up, from: 'b', to: 'q'",
        "direction: down, from: 'q', to: 'a'",
      ),
    ).toMatchObject({ code: 'rules-loop', message: expect.stringMatching(/:9 .*:10 .*:11 .*:12 /s) })
    expect(
      await fault("direction: up, from: 'up/#', to: 'plant/{#}'", "direction: down, from: 'plant/#', to: 'down/{#}'"),
    ).toBeNull()
  })

  it('that would put what is sealed under spBv1.0/ are refused, whatever their format', async () => {
    for (const to of ['spBv1.0/{#}', 'spBv1.0', '{#}']) {
      expect(await fault(`direction: up, from: 'm/#', to: '${to}'`)).toMatchObject({ code: 'rules-sparkplug' })
    }
    expect(await fault("direction: up, from: '+/x', to: '{1}/x'")).toMatchObject({ code: 'rules-sparkplug' })
    expect(await fault("direction: down, from: 'spBv1.0/#', to: 'm/{#}'")).toMatchObject({ code: 'rules-sparkplug' })
  })

  it('of the format sparkplug keep all levels under a parallel root', async () => {
    const up = (to: string, from = 'spBv1.0/#') =>
      fault(`direction: up, from: '${from}', to: '${to}', format: sparkplug`)
    expect(await up('sealed/spBv1.0/{#}')).toBeNull()
    expect(await up('sealed/spBv1.0/{1}/NDATA/{2}', 'spBv1.0/+/NDATA/+')).toBeNull()
    for (const to of ['sealed/{#}', 'sealed/spBv1.0/x/{#}', 'sealed/spBv1.0']) {
      expect(await up(to)).toMatchObject({ code: 'rules-sparkplug' })
    }
    expect(await up('sealed/spBv1.0/{2}/NDATA/{1}', 'spBv1.0/+/NDATA/+')).toMatchObject({ code: 'rules-sparkplug' })
    expect(await up('sealed/m/{#}', 'm/#')).toMatchObject({ code: 'rules-sparkplug' })
    const down = (from: string, to: string) => fault(`direction: down, from: '${from}', to: '${to}', format: sparkplug`)
    expect(await down('sealed/spBv1.0/+/NCMD/+', 'spBv1.0/{1}/NCMD/{2}')).toBeNull()
    expect(await down('sealed/+/spBv1.0/+/NCMD/+', 'spBv1.0/{2}/NCMD/{3}')).toBeNull()
    expect(await down('sealed/spBv1.0/+/NCMD/+', 'spBv1.0/{2}/NCMD/{1}')).toMatchObject({ code: 'rules-sparkplug' })
  })
})
