import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { NODE_FLAGS } from './test/fixtures/program.ts'

// Most tests start worker threads, which spend most of their start on stripping types and compiling.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url))

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
