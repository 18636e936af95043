import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Tls } from './load-tls.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000
/** The CA lives ten years, a server certificate 397 days; either is made anew a month before its end. */
const caTime = 3650 * day
const certificateTime = 397 * day
const renewBefore = 30 * day

x509.cryptoProvider.set(webcrypto as Crypto)

/**
 * A certificate for this host by a CA of its own, both kept in the folder (keys 0600) and made anew when near their end
 * or when a name is missing.
 * @param names DNS names and addresses beside loopback's
 * @param caFolder of the CA, when it is another's too
 */
export async function localTls(
  folder: string,
  names: readonly string[],
  now: number,
  caFolder: string = folder,
): Promise<Tls> {
  for (const made of [folder, caFolder]) await mkdir(made, { recursive: true, mode: 0o700 })
  const caFile = join(caFolder, 'ca.pem')
  const ca = (await readPair(caFolder, 'ca', now)) ?? (await makeCa(caFolder, now))
  const wanted = [...new Set(['localhost', '127.0.0.1', '::1', ...names])]
  const kept = await readPair(folder, 'server', now)
  const usable =
    kept &&
    (await kept.certificate.verify({ publicKey: ca.certificate, date: new Date(now) })) &&
    hasNames(kept.certificate, wanted)
  const server = usable ? kept : await makeServer(folder, ca, wanted, now)
  return {
    key: server.keyPem,
    cert: `${server.certificate.toString('pem')}\n${ca.certificate.toString('pem')}\n`,
    caFile,
    ca: ca.certificate.toString('pem'),
  }
}

interface Pair {
  certificate: x509.X509Certificate
  keyPem: string
}

async function makeCa(folder: string, now: number): Promise<Pair> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=SealMQ local CA',
    notBefore: new Date(now - day),
    notAfter: new Date(now + caTime),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return write(folder, 'ca', certificate, keys.privateKey)
}

async function makeServer(folder: string, ca: Pair, names: readonly string[], now: number): Promise<Pair> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=SealMQ authority',
    issuer: ca.certificate.subject,
    notBefore: new Date(now - day),
    notAfter: new Date(now + certificateTime),
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(ca.certificate),
    ],
  })
  return write(folder, 'server', certificate, keys.privateKey)
}

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>

const importKey = (pem: string) =>
  webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, true, [
    'sign',
  ]) as Promise<CryptoKey>

async function write(folder: string, name: string, certificate: x509.X509Certificate, key: CryptoKey): Promise<Pair> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', key)
  const keyPem = x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')
  await writeFile(join(folder, `${name}.key`), keyPem, { mode: 0o600 })
  await writeFile(join(folder, `${name}.pem`), certificate.toString('pem'))
  return { certificate, keyPem }
}

async function readPair(folder: string, name: string, now: number): Promise<Pair | null> {
  try {
    const certificate = new x509.X509Certificate(await readFile(join(folder, `${name}.pem`), 'utf8'))
    const keyPem = await readFile(join(folder, `${name}.key`), 'utf8')
    return certificate.notAfter.getTime() - now > renewBefore ? { certificate, keyPem } : null
  } catch {
    return null
  }
}

function hasNames(certificate: x509.X509Certificate, wanted: readonly string[]): boolean {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension)
  const held = extension?.names.items.map(({ value }) => value) ?? []
  return wanted.every((name) => held.includes(name))
}
