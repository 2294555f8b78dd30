/**
 * Kills threads of engines, and checks what each engine promised: `npm run kills -- --kills 200 [--seed 7] [--deaths FILE]`.
 *
 * Writes one line of JSON. Ends with 1 if something was not as promised; the line has the seed of each episode that was wrong.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { episode } from './episode.ts'
import { Random } from './random.ts'

/** Of one engine: its threads may not be replaced at once for ever. */
const KILLS_PER_EPISODE = 25

const { values } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' }, deaths: { type: 'string' } },
})
const wanted = Number(values.kills ?? 100)
const first = Number(values.seed ?? Date.now() % 1_000_000)
const deaths = values.deaths ?? join(mkdtempSync(join(tmpdir(), 'millrace-kills-')), 'deaths.txt')

let kills = 0
/** The memory of engines that are gone is not seen by V8, which would let it grow. Needs `--expose-gc`. */
async function forget(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await setImmediate()
  }
}

const failures: { seed: number; plan: string; violations: readonly string[] }[] = []
for (let seed = first; kills < wanted; seed++) {
  const result = await episode(new Random(seed), Math.min(KILLS_PER_EPISODE, wanted - kills), deaths).catch(
    (error: Error) => ({
      kills: KILLS_PER_EPISODE,
      plan: 'it did not come to its end',
      violations: [error.message],
    }),
  )
  kills += result.kills
  await forget()
  if (result.violations.length > 0)
    failures.push({ seed, plan: result.plan, violations: result.violations.slice(0, 20) })
}
process.stdout.write(`${JSON.stringify({ kills, seed: first, deaths, failures })}\n`)
process.exitCode = failures.length > 0 ? 1 : 0
