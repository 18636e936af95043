import { afterEach, beforeEach } from 'vitest'

type Listener = (error: Error) => void

/**
 * Collects, for each test, what nothing caught and would have ended the process of an authority; in place of the test
 * runner, which would fail the whole run without naming the test.
 */
export function collectUncaught(): Error[] {
  const uncaught: Error[] = []
  const events = ['uncaughtException', 'unhandledRejection'] as const
  const collect = (error: Error) => uncaught.push(error)
  const put = (event: (typeof events)[number], listeners: Listener[]) => {
    const before = process.listeners(event as 'uncaughtException') as Listener[]
    process.removeAllListeners(event)
    for (const listener of listeners) process.on(event, listener)
    return before
  }
  let runners: Listener[][] = []
  beforeEach(() => {
    uncaught.length = 0
    runners = events.map((event) => put(event, [collect]))
  })
  afterEach(() => {
    for (const [index, event] of events.entries()) put(event, runners[index]!)
  })
  return uncaught
}
