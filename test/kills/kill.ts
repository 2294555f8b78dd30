/**
 * Kills threads of engines, and checks what each engine promised: `npm run kills -- --kills 200 [--seed 7] [--deaths FILE]`.
 *
 * Writes one line of JSON. Ends with 1 if something was not as promised; the line has the seed of each episode that was wrong.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { episode } from './episode.ts'
import { Random } from './random.ts'

/** Of one engine: its threads may not be replaced at once for ever. */
const KILLS_PER_EPISODE = 25
/** Of one process: what dead threads leave behind in Node adds up. */
const KILLS_PER_PROCESS = 500

type Failure = { seed: number; plan: string; violations: readonly string[] }
type Outcome = { kills: number; failures: Failure[] }

const { values } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' }, deaths: { type: 'string' } },
})
const wanted = Number(values.kills ?? 100)
const first = Number(values.seed ?? Date.now() % 1_000_000)
const deaths = values.deaths ?? join(mkdtempSync(join(tmpdir(), 'millrace-kills-')), 'deaths.txt')

/** The memory of engines that are gone is not seen by V8, which would let it grow. Needs `--expose-gc`. */
async function forget(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await setImmediate()
  }
}

/** So many deaths in this process, one engine after the other. */
async function here(): Promise<Outcome> {
  const outcome: Outcome = { kills: 0, failures: [] }
  for (let seed = first; outcome.kills < wanted; seed++) {
    const attempts = Math.min(KILLS_PER_EPISODE, wanted - outcome.kills)
    const plan = 'it did not come to its end'
    const result = await episode(new Random(seed), attempts, deaths).catch((error: Error) => {
      return { kills: attempts, plan, violations: [error.message] }
    })
    outcome.kills += result.kills
    if (result.violations.length > 0)
      outcome.failures.push({ seed, plan: result.plan, violations: result.violations.slice(0, 20) })
    await forget()
  }
  return outcome
}

/** The same in other processes, one after the other. */
function elsewhere(): Outcome {
  const outcome: Outcome = { kills: 0, failures: [] }
  for (let seed = first; outcome.kills < wanted; seed += KILLS_PER_PROCESS) {
    const kills = Math.min(KILLS_PER_PROCESS, wanted - outcome.kills)
    const program = [
      fileURLToPath(import.meta.url),
      '--kills',
      `${kills}`,
      '--seed',
      `${seed}`,
      '--deaths',
      deaths,
    ]
    const child = spawnSync(process.execPath, [...process.execArgv, ...program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (child.stdout === '')
      throw new Error(`The process for ${kills} deaths from seed ${seed} ended by itself`)
    const result = JSON.parse(child.stdout) as Outcome
    outcome.kills += result.kills
    outcome.failures.push(...result.failures)
  }
  return outcome
}

const { kills, failures } = wanted > KILLS_PER_PROCESS ? elsewhere() : await here()
process.stdout.write(`${JSON.stringify({ kills, seed: first, deaths, failures })}\n`)
process.exitCode = failures.length > 0 ? 1 : 0
