export { concatBytes, equalBytes, fromBase64url, fromHex, toBase64url, toHex } from './bytes.ts'
export { SealError, type SealErrorCode, sealErrorCodes } from './error-codes.ts'
export * from './policy/index.ts'
export {
  filterCovers,
  filtersOverlap,
  intersectFilters,
  parseShare,
  topicFilterFault,
  topicMatches,
} from './topic-filter.ts'
export { topicNameFault } from './topic-name.ts'
export * from './types.ts'
