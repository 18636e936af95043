import { parentPort, workerData } from 'node:worker_threads'
import type { CheckAnswer, CheckRequest } from './message-checker.ts'
import { PublicCheck } from './public-check.ts'

// Runs beside the event loop: a signature takes some 70 µs, of which the broker must lose none.

const check = new PublicCheck(workerData as Uint8Array)

parentPort!.on('message', (request: CheckRequest) => {
  if (request.ask === 'learn') {
    check.learn(request.directory)
    return
  }
  let at = 0
  const checked = request.messages.map(({ channel, topic, length }) => {
    const envelope = request.bytes.subarray(at, at + length)
    at += length
    return check.check(channel, topic, envelope)
  })
  parentPort!.postMessage({ id: request.id, checked } satisfies CheckAnswer)
})
