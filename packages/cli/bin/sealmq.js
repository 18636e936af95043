#!/usr/bin/env node
// Plain JavaScript for any Node: the rest needs Node 24.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('../dist/main.js')
} else {
  const node = bundledNode()
  if (node) {
    const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' })
    // A terminal sends Ctrl+C to both; others signal this process alone.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('exit', (code, signal) => {
      process.exitCode = signal ? 1 : (code ?? 1)
    })
  } else {
    process.stderr.write(`sealmq: Node ${process.versions.node} is too old. Install Node 24 or newer. [node-too-old]\n`)
    process.exitCode = 1
  }
}

function bundledNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node')
  } catch {
    return null
  }
}
