import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { Installation, temporaryFolder } from './sealmq-process.ts'

/** Values that each setting refuses, as they stand in the file; on the command line and in the environment as text. */
const wrong: Record<string, string[]> = {
  http: ['nonsense', '127.0.0.1', '127.0.0.1:70000', ':8080', '127.0.0.1:-1', '127.0.0.1:x', '', '192.0.2.1:0'],
  mqtt: ['nonsense', '127.0.0.1', '127.0.0.1:70000', ':1883', '127.0.0.1:1e3', '127.0.0.1:', '', '192.0.2.1:0'],
  store: ['mysql://localhost/x', 'nonsense', 'postgres://127.0.0.1:1/x', 'http://127.0.0.1/', ''],
  logLevel: ['loud', '', '7'],
  tlsCert: ['/none/such.pem', ''],
  tlsKey: ['/none/such.key', ''],
  name: ['', '\u001b[2J', 'x'.repeat(1_000)],
  data: ['', '/dev/null/data'],
}
/** Values of a type that only a file can hold. */
const wrongTypes: Record<string, unknown[]> = {
  ...{ data: [1, null, []], http: [8080, null, {}], mqtt: [1883, true], store: [1, null, false], logLevel: [30, null] },
  ...{ tls: ['yes', 1, null], tlsName: ['a', [1], {}], tlsCert: [1, true], tlsKey: [[], 0], allowPlain: ['true', 1] },
  ...{ name: [1, ['x']], colour: ['blue'], HTTP: ['127.0.0.1:0'] },
}
const flagOf = (setting: string) => `--${setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
const variableOf = (setting: string) => `SEALMQ_${setting.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

interface Attempt {
  what: string
  /** What the refusal must name. */
  setting: string
  words: string[]
  environment?: Record<string, string>
  code?: string
}

/** Every wrong value of every setting, by flag, environment and file: no start, no ready line, and the setting's name. */
export async function refuseWrongSettings(count: Count): Promise<void> {
  const installation = new Installation()
  const faults: string[] = []
  // Three at a time take from one list.
  const next = attempts(temporaryFolder())
  const worker = async () => {
    for (const attempt of next) {
      const fault = await faultOf(installation, attempt)
      if (fault) faults.push(`${attempt.what}: ${fault}`)
      count('wrong settings')
    }
  }
  await Promise.all([worker(), worker(), worker()])
  installation.stop()
  expect(faults).toEqual([])
}

function* attempts(folder: string): Generator<Attempt> {
  let files = 0
  /** A file of its own, with a data folder of its own. */
  const file = (changes: unknown) => {
    const path = join(folder, `settings-${++files}.json`)
    const right = { data: join(folder, `data-${files}`), http: '127.0.0.1:0', mqtt: '127.0.0.1:0', logLevel: 'warn' }
    writeFileSync(path, typeof changes === 'object' ? JSON.stringify({ ...right, ...changes }) : String(changes))
    return ['--config', path]
  }
  for (const [setting, values] of Object.entries(wrong)) {
    for (const [index, value] of values.entries()) {
      const what = `${setting} ${JSON.stringify(value)}`
      // So that an address beyond loopback is refused for itself.
      const more = value.startsWith('192.') ? ['--allow-plain'] : []
      yield { what: `flag ${what}`, setting, words: [...file({}), ...more, flagOf(setting), value] }
      // They come together before they are checked: the other two ways need one value of each setting, and the empty one.
      if (index > 0 && value !== '') continue
      const environment = { [variableOf(setting)]: value }
      // The environment comes before the file.
      yield { what: `variable ${what}`, setting, words: [...file({}), ...more], environment }
      yield { what: `file ${what}`, setting, words: [...file({ [setting]: value }), ...more] }
    }
  }
  for (const [setting, values] of Object.entries(wrongTypes)) {
    for (const value of values) {
      yield { what: `file ${setting} ${JSON.stringify(value)}`, setting, words: file({ [setting]: value }) }
    }
  }
  for (const variable of ['SEALMQ_TLS', 'SEALMQ_ALLOW_PLAIN']) {
    for (const value of ['yes', '1', '', 'TRUE']) {
      const environment = { [variable]: value }
      yield { what: `${variable}=${value}`, setting: variable, words: file({}), environment }
    }
  }
  for (const value of ['', 'short', 'A'.repeat(44), `${'A'.repeat(42)}=`]) {
    const environment = { SEALMQ_MASTER_KEY: value }
    yield { what: `master key ${value}`, setting: 'SEALMQ_MASTER_KEY', words: file({}), environment }
  }
  for (const content of ['', '{', '[]', 'null', '"x"']) {
    yield { what: `file ${content}`, setting: 'config', words: file(content) }
  }
  for (const path of ['/none/such.json', folder]) yield { what: path, setting: 'config', words: ['--config', path] }
  for (const host of ['0.0.0.0', '[::]', '127.0.0.1.plant.example', '127.plant.example', '10.0.0.1', 'plant.example']) {
    for (const setting of ['http', 'mqtt']) {
      const words = [...file({}), flagOf(setting), `${host}:0`]
      yield { what: `plain ${setting} ${host}`, setting, words, code: 'plain-refused' }
    }
  }
}

/** What is wrong with how a start was refused; null when it is as it must be. */
async function faultOf(installation: Installation, { setting, words, environment = {}, code }: Attempt) {
  const child = installation.startWith(environment, 'serve', ...words, '--json')
  let out = ''
  let err = ''
  child.stdout!.on('data', (chunk) => {
    out += chunk
    if (out.includes('"ready"')) child.kill('SIGKILL')
  })
  child.stderr!.on('data', (chunk) => {
    err += chunk
  })
  const exitCode = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (out !== '') return `started: ${out}`
  if (exitCode !== 1 && exitCode !== 2) return `ended with ${exitCode}: ${err}`
  if (/\n\s+at /.test(err)) return `a stack trace: ${err}`
  // By the name that was used, or by the flag's.
  const names = [setting, flagOf(setting), variableOf(setting)]
  if (!names.some((name) => err.includes(name))) return `without the setting's name: ${err}`
  const [, found] = /\[([a-z-]+)\]\n$/.exec(err) ?? []
  return found && found === (code ?? found) && found !== 'internal' ? null : `with another code: ${err}`
}
