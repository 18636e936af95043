/** An error of a database. */
export interface StoreFailure extends Error {
  /** SQLSTATE of PostgreSQL. */
  code?: string
  /** Result code of SQLite; what it adds beyond 8 bits says more. */
  errcode?: number
}

/** SQLITE_FULL; disk_full. */
export function isDiskFull({ errcode = 0, code }: StoreFailure): boolean {
  return (errcode & 0xff) === 13 || code === '53100'
}

/** SQLITE_CORRUPT; data_corrupted and index_corrupted. */
export function isDamaged({ errcode = 0, code }: StoreFailure): boolean {
  return (errcode & 0xff) === 11 || code === 'XX001' || code === 'XX002'
}
