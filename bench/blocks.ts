/**
 * An array of 10 MiB to a worker and back: `npm run bench:blocks -- [--check]`.
 *
 * As a block, which is answered in place; as an ordinary array, which is copied into a block and out of it, there and back; and by
 * `piscina.run`, which clones it; in turn and in one process. Beside it one copy of it in this thread, into memory that is there already.
 * Each answer is verified.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Piscina } from 'piscina'
import { type Block, createEngine } from '../src/index.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const BYTES = 10 * 2 ** 20
const ROUNDS = 7
const WARM_MS = 1_500

const engine = await createEngine({ workers: 1, handlers: new URL('./blocks-handlers.ts', import.meta.url) })
const filename = fileURLToPath(new URL('./blocks-task.ts', import.meta.url))
const pool = new Piscina({ filename, minThreads: 1, maxThreads: 1 })
const source = new Uint8Array(BYTES).map((_, i) => i * 31)
const target = new Uint8Array(BYTES)

function verify(answer: Uint8Array, first: number): void {
  const middle = BYTES >> 1
  if (answer.length !== BYTES || answer[0] !== ((first + 1) & 0xff) || answer[middle] !== source[middle])
    throw new Error(
      `the answer is wrong: ${answer.length} bytes, ${answer[0]} at 0, ${answer[middle]} in the middle`,
    )
}

let calls = 0

/** Filled once, and sent there and back again and again. */
let block: Block = engine.allocate(BYTES)
block.set(source)

async function inPlace(): Promise<void> {
  const first = calls++ & 0xff
  block[0] = first
  block = await engine.request<Block>('bench.touch', block)
  verify(block, first)
}

async function allocated(): Promise<void> {
  using another = engine.allocate(BYTES)
  const first = calls++ & 0xff
  another[0] = first
  another[BYTES >> 1] = source[BYTES >> 1]!
  using answer = await engine.request<Block>('bench.touch', another)
  verify(answer, first)
}

async function copied(): Promise<void> {
  const first = calls++ & 0xff
  source[0] = first
  verify(await engine.request<Uint8Array>('bench.touch', source.subarray()), first)
}

async function cloned(): Promise<void> {
  const first = calls++ & 0xff
  source[0] = first
  verify(await pool.run(source), first)
}

async function copyHere(): Promise<void> {
  target.set(source)
}

const variants = [
  { name: 'a block, answered in place', run: inPlace, times: 2_000, micros: [] as number[] },
  { name: 'allocate, answered in place, release', run: allocated, times: 2_000, micros: [] as number[] },
  { name: 'an ordinary array', run: copied, times: 30, micros: [] as number[] },
  { name: 'piscina.run', run: cloned, times: 30, micros: [] as number[] },
  { name: 'one copy in this thread', run: copyHere, times: 100, micros: [] as number[] },
]

for (const { run } of variants) {
  const start = performance.now()
  while (performance.now() - start < WARM_MS) await run()
}
for (let round = 0; round < ROUNDS; round++) {
  for (const { run, times, micros } of round % 2 === 0 ? variants : variants.toReversed()) {
    for (let i = 0; i < times; i++) {
      const start = process.hrtime.bigint()
      await run()
      micros.push(Number(process.hrtime.bigint() - start) / 1_000)
    }
  }
}
block.release()
await engine.close()
await pool.destroy()

function quantile(runs: readonly number[], q: number): number {
  return runs.toSorted((a, b) => a - b)[Math.floor(runs.length * q)]!
}

const table = new Table({
  head: ['10 MiB there and back', 'p50 µs', 'p99 µs'],
  colAligns: ['left', 'right', 'right'],
  style: { head: [], border: [] },
})
for (const { name, micros } of variants)
  table.push([name, quantile(micros, 0.5).toFixed(1), quantile(micros, 0.99).toFixed(1)])
console.log(table.toString())

const [, fresh, array, clone] = variants.map(({ micros }) => quantile(micros, 0.5)) as [
  number,
  number,
  number,
  number,
]
const goals = [
  { text: 'of the ordinary array', ratio: fresh / array },
  { text: 'of piscina.run', ratio: fresh / clone },
]
for (const { text, ratio } of goals)
  console.log(
    `${ratio < 0.01 ? 'reached' : 'MISSED '} allocated and answered in place: ${(100 * ratio).toFixed(2)} % ${text}, goal 1 %`,
  )
if (values.check && goals.some(({ ratio }) => ratio >= 0.01)) process.exitCode = 1
