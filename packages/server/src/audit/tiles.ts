import { hashLength, nodeHash, type SubtreeRoot } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { Database, DatabaseTransaction } from '../store/schema.ts'

/** Levels of the tree in a tile: 256 hashes (C2SP tlog-tiles). */
export const tileHeight = 8
const tileWidth = 2 ** tileHeight

/** Keeps a run of 256 hashes that has just become complete. */
export async function writeTile(
  transaction: DatabaseTransaction,
  level: number,
  number: number,
  root: Uint8Array,
): Promise<void> {
  const hashes = Buffer.concat(await hashesFrom(transaction, level, number * tileWidth, tileWidth))
  await transaction.insertInto('audit_tiles').values({ level, number, hashes, root }).execute()
}

/** So many hashes of a tile's level, as records or tiles below hold them. */
async function hashesFrom(store: Database, level: number, from: number, count: number): Promise<Uint8Array[]> {
  if (level === 0) {
    const rows = await store
      .selectFrom('audit_records')
      .select('hash')
      .where('position', '>=', from)
      .where('position', '<', from + count)
      .orderBy('position')
      .execute()
    return rows.map(({ hash }) => hash)
  }
  const rows = await store
    .selectFrom('audit_tiles')
    .select('root')
    .where('level', '=', level - 1)
    .where('number', '>=', from)
    .where('number', '<', from + count)
    .orderBy('number')
    .execute()
  return rows.map(({ root }) => root)
}

/**
 * Reads roots of complete subtrees out of records and tiles; of a tile that is read once more from memory.
 * @param store one consistent view, for as long as it is used
 */
export function subtreeRoots(store: Database): SubtreeRoot {
  const tiles = new Map<string, Promise<Uint8Array[]>>()
  return async (level, index) => {
    const tile = Math.floor(level / tileHeight)
    const width = 2 ** (level % tileHeight)
    const first = index * width
    const number = Math.floor(first / tileWidth)
    const key = `${tile} ${number}`
    const hashes = tiles.get(key) ?? readTile(store, tile, number)
    tiles.set(key, hashes)
    const run = (await hashes).slice(first % tileWidth, (first % tileWidth) + width)
    if (run.length < width) throw new Error(`the audit log lacks hashes of level ${level}, number ${index}`)
    return treeOf(run)
  }
}

async function readTile(store: Database, level: number, number: number): Promise<Uint8Array[]> {
  const tile = await store
    .selectFrom('audit_tiles')
    .select('hashes')
    .where('level', '=', level)
    .where('number', '=', number)
    .executeTakeFirst()
  if (!tile) return hashesFrom(store, level, number * tileWidth, tileWidth)
  return Array.from({ length: tileWidth }, (_, at) => tile.hashes.subarray(at * hashLength, (at + 1) * hashLength))
}

function treeOf(hashes: Uint8Array[]): Uint8Array {
  let row = hashes
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, at) => nodeHash(sha256, row[2 * at]!, row[2 * at + 1]!))
  }
  return row[0]!
}

/** The right edge of the tree as it was at a size: `MerkleEdge.bytes()`. */
export async function edgeAt(store: Database, size: number): Promise<Uint8Array> {
  const node = subtreeRoots(store)
  const roots: Uint8Array[] = []
  let start = 0
  for (let level = Math.floor(Math.log2(size)); level >= 0; level--) {
    const width = 2 ** level
    if (size - start < width) continue
    roots.push(await node(level, start / width))
    start += width
  }
  return Buffer.concat(roots)
}
