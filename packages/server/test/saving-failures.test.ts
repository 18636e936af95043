import { describe, expect, it } from 'vitest'
import { savingFailure } from '../src/broker/mosquitto/saving-failures.ts'

describe('lines of Mosquitto’s log', () => {
  it('tell what it could not save, as 2.0.11 writes them', () => {
    // A full tmpfs gives the first, a limit of the length of files the second.
    for (const line of ['Error: No space left on device.', 'Error: File too large.', 'Error: Read-only file system.'])
      expect(savingFailure(line), line).toMatch(/could not save what it keeps.*reconcile/)
    for (const line of [
      'Error saving Dynamic security plugin config: File is not writable - check permissions.',
      'Error updating dynsec config file: No space left on device',
    ])
      expect(savingFailure(line), line).toMatch(/could not save its rights/)
  })

  it('tell nothing of it otherwise, also when a client calls itself so', () => {
    for (const line of [
      'Error: Connection reset by peer.',
      'Client Error: No space left on device. disconnected.',
      'New client connected from 127.0.0.1:5 as Error: No space left on device. (p2, c1, k60).',
    ])
      expect(savingFailure(line), line).toBeNull()
  })
})
