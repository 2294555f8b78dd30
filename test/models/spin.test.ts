import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/**
 * The protocols as models, checked by SPIN: no assertion fails, no state is a dead end, everything that must happen happens under weak
 * fairness, every statement is reached; and each mistake that a model can be given (`MISTAKE`) is found.
 *
 * Needs `spin` and a C compiler. Without them it is skipped, unless the environment says `SPIN=required`.
 */
const MODELS = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.pml'))
const hasSpin = spawnSync('spin', ['-V']).status === 0 && spawnSync('cc', ['--version']).status === 0

type Verdict = { errors: number; unreached: string[]; output: string }

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-spin-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Searches all states of a model, for what must never be, or for what must come to pass and does not. */
function verify(model: string, mistake: number, kind: 'safety' | 'liveness'): Verdict {
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  run('spin', ['-a', `-DMISTAKE=${mistake}`, join(import.meta.dirname, model)])
  const options = kind === 'safety' ? ['-DSAFETY', '-DNOCLAIM'] : ['-DNFAIR=3']
  run('cc', ['-O1', '-w', ...options, '-o', 'pan', 'pan.c'])
  const output = run('./pan', kind === 'safety' ? ['-m1000000'] : ['-a', '-f', '-m1000000'])
  return {
    errors: Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN),
    unreached: [...output.matchAll(/unreached in proctype .*\n(?:\t.*\n)*?\t\(([1-9]\d*) of .*\n/g)].map(
      ([text]) => text,
    ),
    output,
  }
}

test('the models can be checked, where they must be', () => {
  expect(MODELS.length).toBeGreaterThan(4)
  if (process.env.SPIN === 'required') expect(hasSpin).toBe(true)
})

describe.skipIf(!hasSpin).each(MODELS)('%s', (model) => {
  const source = readFileSync(join(import.meta.dirname, model), 'utf8')
  const mistakes = Math.max(
    ...[...source.matchAll(/MISTAKE [!=]= (\d)/g)].map(([, number]) => Number(number)),
  )

  test('holds', { timeout: 300_000 }, () => {
    const safety = verify(model, 0, 'safety')
    expect(safety.output).not.toContain('Search not completed')
    expect(safety).toMatchObject({ errors: 0, unreached: [] })
    const liveness = verify(model, 0, 'liveness')
    expect(liveness.output).not.toContain('Search not completed')
    expect(liveness).toMatchObject({ errors: 0 })
  })

  test.each(Array.from({ length: mistakes }, (_, index) => index + 1))(
    'mistake %d is found',
    { timeout: 300_000 },
    (mistake) => {
      expect(verify(model, mistake, 'safety').errors || verify(model, mistake, 'liveness').errors).toBe(1)
    },
  )
})
