import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { NODE_FLAGS } from '../fixtures/program.ts'

const exec = promisify(execFile)

test('a short soak: what is promised holds', { timeout: 120_000 }, async () => {
  const program = [join(import.meta.dirname, 'soak.ts'), '--minutes', '0.4']
  const { stdout } = await exec(process.execPath, [...NODE_FLAGS, '--expose-gc', ...program]).catch(
    (error: { stdout?: string }) => {
      if (!error.stdout) throw error
      return { stdout: error.stdout }
    },
  )
  const { violations, died, epochs, accepted } = JSON.parse(stdout)
  expect(violations).toEqual([])
  expect(died).toBeGreaterThan(0)
  expect(epochs).toBeGreaterThan(1)
  expect(accepted).toBeGreaterThan(1_000)
})
