import type { RememberedNumbers } from '@sealmq/protocol'

/** What a client remembers over restarts; without it an old manifest or message could be played back. */
export interface RememberedState {
  numbers: RememberedNumbers
  /** Bytes of the replay state; null when nothing was accepted: what is kept already stays. */
  replay: Uint8Array | null
}

/** Where a client keeps what it remembers. */
export interface Storage {
  load(): Promise<RememberedState | null>
  save(state: RememberedState): Promise<void>
}

/** Of each number the higher one. */
export function laterNumbers(a: RememberedNumbers, b: RememberedNumbers): RememberedNumbers {
  const channels = { ...a.channels }
  for (const [channel, number] of Object.entries(b.channels)) {
    channels[channel] = Math.max(number, channels[channel] ?? 0)
  }
  return { directory: Math.max(a.directory, b.directory), channels }
}

/** Keeps nothing beyond the process. */
export function memoryStorage(): Storage {
  let kept: RememberedState | null = null
  return {
    load: async () => kept,
    save: async (state) => {
      kept = state
    },
  }
}
