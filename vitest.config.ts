import { defineConfig } from 'vitest/config'
import { NODE_FLAGS } from './test/fixtures/program.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    execArgv: NODE_FLAGS,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
