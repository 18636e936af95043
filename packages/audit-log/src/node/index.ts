import { hash } from 'node:crypto'
import type { Sha256 } from '../merkle-hash.ts'

/** SHA-256 of node:crypto. */
export const sha256: Sha256 = (bytes) => hash('sha256', bytes, 'buffer')
