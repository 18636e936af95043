import { statfs } from 'node:fs/promises'
import type { Logger } from '../logger.ts'

/** Bytes. */
export interface DiskSpace {
  free: number
  total: number
}

const gibibyte = 2 ** 30
/** Below one of both there is little room; above both there is enough again. */
const low = { bytes: gibibyte, share: 0.05 }
const enough = { bytes: 1.25 * gibibyte, share: 0.06 }

/** The disk of a folder. */
export async function readDiskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { free: bavail * bsize, total: blocks * bsize }
}

export interface DiskWatchOptions {
  read: () => Promise<DiskSpace>
  /** Told once each time that room becomes little; when it fails, again at the next look. */
  becameLow: (space: DiskSpace) => Promise<void>
  logger: Logger
}

/** Warns while there is still room: on a full disk nothing can be recorded, and so nothing be changed. */
export class DiskWatch {
  readonly #options: DiskWatchOptions
  #isLow = false
  #told = false
  #last: DiskSpace | null = null

  constructor(options: DiskWatchOptions) {
    this.#options = options
  }

  /** Bytes that were free at the last look; null before the first. */
  get free(): number | null {
    return this.#last?.free ?? null
  }

  async look(): Promise<void> {
    const { read, becameLow, logger } = this.#options
    const space = await read()
    this.#last = space
    if (isBelow(space, low)) {
      if (!this.#isLow) logger.warn({ ...space }, 'the disk of the data folder has little room left')
      this.#isLow = true
      if (this.#told) return
      await becameLow(space)
      this.#told = true
    } else if (!isBelow(space, enough)) {
      this.#isLow = false
      this.#told = false
    }
  }
}

const isBelow = ({ free, total }: DiskSpace, { bytes, share }: typeof low) => free < bytes || free < share * total
