import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const demo = fileURLToPath(new URL('../../examples/flights/demo.ts', import.meta.url))
const ROWS = 120_000

test('the demo’s workers find exactly what one thread finds', { timeout: 120_000 }, async () => {
  const args = [demo, '--rows', String(ROWS), '--workers', '3', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ rows: ROWS, workers: 3, identical: true, balanced: true, deadLettered: 0 })
  expect(result.completed).toBeGreaterThanOrEqual(ROWS + result.alerts)
  expect(result.alerts).toBeGreaterThan(0)
  expect(result.shares).toHaveLength(3)
  expect(Math.min(...result.shares)).toBeGreaterThan(0)
})
