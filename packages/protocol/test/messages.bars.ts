import { describe } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { forgeMany, replayEverything, restartOneSender } from './attacker.ts'
import { backEnds, combinations, openMutated, tamperEveryByte } from './mutation.ts'

const everyChange = Array.from({ length: 255 }, (_, index) => index + 1)
const bitFlips = [1, 2, 4, 8, 16, 32, 64, 128]

describe('sealed messages', () => {
  bar(2, 'No (key, nonce) position comes twice, over restarts with restored state', (count) =>
    restartOneSender(5_000, count),
  )
  bar(4, 'No altered byte, cut or addition opens, in any suite, signed or not, on both back ends', async (count) => {
    for (const cryptography of backEnds) {
      const changes = cryptography.name === 'node' ? everyChange : bitFlips
      for (const settings of combinations) await tamperEveryByte(cryptography, settings, changes, count)
    }
  })
  bar(4, 'Nothing is accepted twice, elsewhere, after a restart, or of an epoch or keyring that went back', (count) =>
    replayEverything(2_000, count),
  )
  bar(5, 'A reader that holds the epoch key cannot forge', (count) => forgeMany(10_000, count))
  bar(16, 'Mutated envelopes are refused with a typed error, in bounded memory; good ones open afterwards', (count) =>
    openMutated(1_100_000, count),
  )
})
