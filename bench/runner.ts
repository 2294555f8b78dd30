import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beside } from './beside.ts'
import type { Case, Measured, Measures, Suite, SuiteOptions } from './suite.ts'

const run = promisify(execFile)
/** Beside this file, in TypeScript or as it was built. */
const CHILD = fileURLToPath(beside(import.meta.url, './child'))
const CASE_TIMEOUT_MS = 300_000

/** Measures all cases of a suite: each in a fresh process, round after round, in reversed order every other time. Answers those that could be measured. */
export async function measureSuite(suite: Suite, options: SuiteOptions): Promise<Measured[]> {
  const cases = suite.cases(options)
  const rounds = options.quick ? 1 : suite.rounds
  const runs = cases.map((): Measures[] => [])
  for (let round = 0; round < rounds; round++) {
    const order = cases.map((_, index) => index)
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      const measured = cases[index]!
      process.stderr.write(`\r${suite.name}, round ${round + 1} of ${rounds}: ${measured.name}\u001b[K`)
      try {
        runs[index]!.push(await measureCase(suite, measured, options))
      } catch (error) {
        if (!measured.isPeer) throw error
        process.stderr.write(
          `\r${measured.name} failed: ${(error as Error).message.split('\n', 2)[1] ?? ''}\u001b[K\n`,
        )
      }
    }
  }
  process.stderr.write('\r\u001b[K')
  return cases
    .map((measured, index) => ({ case: measured, runs: runs[index]! }))
    .filter((measured) => measured.runs.length > 0)
}

async function measureCase(suite: Suite, { name }: Case, options: SuiteOptions): Promise<Measures> {
  const { stdout } = await run(
    process.execPath,
    ['--expose-gc', CHILD, suite.name, name, JSON.stringify(options)],
    {
      timeout: CASE_TIMEOUT_MS,
      maxBuffer: 2 ** 26,
    },
  )
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measures
}
