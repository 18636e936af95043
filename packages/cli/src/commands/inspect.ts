import { readFile } from 'node:fs/promises'
import { fromBase64url, fromHex, inspectEnvelope } from '@sealmq/protocol'
import type { Command } from 'commander'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { print } from '../output.ts'

/** inspect: what anybody can read of an envelope. */
export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description("print an envelope's header from hex, base64 or a file; no key is needed")
    .argument('[envelope]', 'hexadecimal or base64')
    .option('-f, --file <file>', 'read the envelope from a file (- for standard input): binary, hexadecimal or base64')
    .option('--json', 'print JSON')
    .action(async (text: string | undefined, { file, json }: { file?: string; json?: boolean }) => {
      if ((text === undefined) === (file === undefined)) {
        throw new CommandError('usage', 'Give an envelope or -f FILE.', exitCodes.usage)
      }
      const bytes = text === undefined ? await readEnvelope(file!) : fromText(text)
      const header = inspectEnvelope(bytes)
      const sealedAt = new Date(header.sealedAt).toISOString()
      if (json) print(JSON.stringify({ ...header, sealedAt }))
      else for (const [name, value] of Object.entries({ ...header, sealedAt })) print(`${name.padEnd(17)} ${value}`)
    })
}

async function readEnvelope(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file === '-' ? '/dev/stdin' : file).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('file', `${file} cannot be read (${error.code}).`, exitCodes.usage)
  })
  return bytes[0] === 0xd0 ? bytes : fromText(bytes.toString('utf8'))
}

function fromText(text: string): Uint8Array {
  const compact = text.replaceAll(/\s/g, '')
  if (/^[0-9a-f]+$/i.test(compact)) return fromHex(compact)
  return fromBase64url(compact.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''))
}
