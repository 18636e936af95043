// Makes sure of the programs that the tests use beside npm's packages. Plain JavaScript: any Node runs it.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

const found = (program) =>
  process.env.PATH.split(':')
    .concat('/usr/sbin', '/usr/local/sbin')
    .some((folder) => existsSync(`${folder}/${program}`))
const python = (module) => spawnSync('/usr/bin/python3', ['-c', `import ${module}`]).status === 0
const postgres = () =>
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some((version) => existsSync(`/usr/lib/postgresql/${version}/bin/initdb`))

const needed = [
  { packageName: 'mosquitto', present: () => found('mosquitto') },
  { packageName: 'mosquitto-clients', present: () => found('mosquitto_sub') },
  // Shows all of loopback. tshark would do too, with 17 packages more.
  { packageName: 'tcpdump', present: () => found('tcpdump') },
  // Only systemd-analyze: nothing is started by it.
  { packageName: 'systemd', present: () => found('systemd-analyze') },
  { packageName: 'postgresql', present: postgres },
  { packageName: 'chromium', present: () => found('chromium') },
  { packageName: 'python3', present: () => existsSync('/usr/bin/python3') },
  { packageName: 'python3-cbor2', present: () => python('cbor2') },
  { packageName: 'python3-cryptography', present: () => python('cryptography') },
  { packageName: 'python3-paho-mqtt', present: () => python('paho.mqtt.client') },
]

const missing = needed.filter(({ present }) => !present()).map(({ packageName }) => packageName)
if (missing.length > 0) install(missing)

function install(packages) {
  const isDebian =
    existsSync('/etc/os-release') && /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  const isRoot = process.getuid?.() === 0
  const sudo = isRoot ? [] : ['sudo', '-n']
  const maySudo = isRoot || spawnSync('sudo', ['-n', 'true']).status === 0
  if (!isDebian || !maySudo) {
    console.error(
      `The tests need these programs (names of Debian's packages): ${packages.join(' ')}. Install them and run npm test again.`,
    )
    process.exit(1)
  }
  console.log(`Installing what the tests need, with apt-get: ${packages.join(' ')}`)
  const apt = (...words) => {
    const [program, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...words]
    execFileSync(program, rest, { stdio: 'inherit' })
  }
  apt('update')
  apt('install', '-y', '--no-install-recommends', ...packages)
}
