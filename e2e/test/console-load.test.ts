import { expect, it } from 'vitest'
import { uncounted } from '../../scripts/bar.ts'
import { loadSubscriber } from './console-load.ts'

it('a subscriber’s page counts every one of many messages while somebody types', async () => {
  const { published, inputDelays } = await loadSubscriber(300, 5, uncounted)
  expect(published).toBeGreaterThan(1000)
  expect(inputDelays.length).toBeGreaterThan(2)
})
