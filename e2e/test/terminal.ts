import type { ChildProcess } from 'node:child_process'
import type { Finished, Installation } from './sealmq-process.ts'

// Python's standard library makes the terminal; Node has none.
const python = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

/** What is waited for on the screen, and what is typed then. */
export type Answer = readonly [prompt: string, typed: string | ((screen: string) => string | Promise<string>)]

/** Runs `sealmq` in a terminal and answers its questions, each once and in order. */
export async function runInTerminal(
  installation: Installation,
  answers: readonly Answer[],
  ...words: string[]
): Promise<Finished> {
  const child = installation.startUnder(['/usr/bin/python3', '-c', python], ...words)
  let screen = ''
  let seen = 0
  const typing = (async () => {
    for (const [prompt, typed] of answers) {
      await shown(child, () => screen.indexOf(prompt, seen) >= 0)
      seen = screen.indexOf(prompt, seen) + prompt.length
      child.stdin!.write(`${typeof typed === 'string' ? typed : await typed(screen)}\r`)
    }
  })()
  child.stdout!.on('data', (chunk) => {
    screen += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  await typing.catch((error) => {
    throw new Error(`${error.message}; the screen was: ${screen}`)
  })
  return { code, out: screen, err: '' }
}

function shown(child: ChildProcess, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!holds()) return
      child.stdout!.off('data', later)
      resolve()
    }
    // After the listener that collects the screen.
    const later = () => queueMicrotask(look)
    child.stdout!.on('data', later)
    child.once('close', () => reject(new Error('the command ended before its question')))
    look()
  })
}
