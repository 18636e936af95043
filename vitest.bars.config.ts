import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.bars.ts', 'e2e/test/**/*.bars.ts'],
    reporters: ['default', './scripts/bars-table.ts', './scripts/plain-summary.ts'],
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    maxWorkers: 2,
  },
})
