import type { RememberedNumbers } from '@sealmq/protocol'

/** What a client remembers over restarts; without it an old manifest or message could be played back. */
export interface RememberedState {
  numbers: RememberedNumbers
  /** Bytes of the replay state. */
  replay: Uint8Array | null
}

/** Where a client keeps what it remembers. */
export interface Storage {
  load(): Promise<RememberedState | null>
  save(state: RememberedState): Promise<void>
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
