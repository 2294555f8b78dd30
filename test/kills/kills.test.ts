import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { NODE_FLAGS } from '../fixtures/program.ts'
import { PUBLISH_STEPS, WAYS, WORKER_STEPS } from './failpoint.ts'
import { FILLS } from './main-publisher.ts'

/** 200, or as many as the environment says: CI asks for 2,000. */
const KILLS = Number(process.env.KILLS ?? 100)
const PROCESSES = 2

const exec = promisify(execFile)

test(`threads that die at every step: what the engine promises holds (${KILLS} deaths)`, {
  timeout: KILLS * 1_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
  try {
    const results = await Promise.all(
      Array.from({ length: PROCESSES }, async (_, index) => {
        const deaths = join(folder, `${index}.txt`)
        const seed = `${Math.floor(Date.now() / 1_000) + 1_000_000 * index}`
        const program = [
          join(import.meta.dirname, 'kill.ts'),
          '--kills',
          `${KILLS / PROCESSES}`,
          '--seed',
          seed,
        ]
        const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') }
        // It fails with what it has to say on its standard output.
        const { stdout } = await exec(
          process.execPath,
          [...NODE_FLAGS, '--expose-gc', ...program, '--deaths', deaths],
          {
            env,
          },
        ).catch((error: { stdout?: string }) => {
          if (!error.stdout) throw error
          return { stdout: error.stdout }
        })
        return { ...JSON.parse(stdout), lines: readFileSync(deaths, 'utf8').trim().split('\n') }
      }),
    )
    expect(results.flatMap(({ failures }) => failures)).toEqual([])
    const died: string[] = results.flatMap(({ lines }) => lines)
    expect(died.length).toBeGreaterThanOrEqual(KILLS)
    if (KILLS < 1_000) return
    const combined = new Set(died.map((line) => line.split(' ').slice(0, 2).join(' ')))
    for (const way of WAYS) for (const fill of FILLS) expect(combined).toContain(`${way} ${fill}`)
    const steps = new Set(died.map((line) => line.split(' ')[2]))
    for (const step of [...PUBLISH_STEPS, ...WORKER_STEPS]) expect(steps).toContain(step)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
