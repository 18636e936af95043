import { type RememberedNumbers, ReplayState } from '@sealmq/protocol'

/** What a client remembers over restarts; without it an old manifest or message could be played back. */
export interface RememberedState {
  numbers: RememberedNumbers
  /** Bytes of the replay state; null when nothing was accepted: what is kept already stays. */
  replay: Uint8Array | null
}

/** Where a client keeps what it remembers. Where several share one, `save` adds to what is kept (`mergeRemembered`). */
export interface Storage {
  load(): Promise<RememberedState | null>
  save(state: RememberedState): Promise<void>
}

/** Of each number the higher one. */
function laterNumbers(a: RememberedNumbers, b: RememberedNumbers): RememberedNumbers {
  const channels = { ...a.channels }
  for (const [channel, number] of Object.entries(b.channels)) {
    channels[channel] = Math.max(number, channels[channel] ?? 0)
  }
  return { directory: Math.max(a.directory, b.directory), channels }
}

/** What is kept together with what is to be saved: nothing that either keeps out comes in again. */
export function mergeRemembered(kept: RememberedState | null, state: RememberedState): RememberedState {
  if (!kept) return state
  return { numbers: laterNumbers(kept.numbers, state.numbers), replay: mergeReplay(kept.replay, state.replay) }
}

function mergeReplay(kept: Uint8Array | null, replay: Uint8Array | null): Uint8Array | null {
  if (!kept || !replay) return replay ?? kept
  return ReplayState.restore(kept).merge(ReplayState.restore(replay)).snapshot()
}

/** Keeps nothing beyond the process. */
export function memoryStorage(): Storage {
  let kept: RememberedState | null = null
  return {
    load: async () => kept,
    save: async (state) => {
      kept = mergeRemembered(kept, state)
    },
  }
}
