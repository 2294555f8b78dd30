/**
 * The examples beside their twins on a task pool: `npm run bench:examples -- [--check]`.
 *
 * Thumbnails of photos (`examples/photos`) and pages of departures (`examples/pages`), by two workers each, in turn and in one process: how many a second, and how long the
 * main thread computes for each. A photo is copied once on either side, into shared memory, or into an array that is transferred. Each result is compared with what one thread makes of it.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Piscina } from 'piscina'
import { render } from '../examples/pages/board.ts'
import { readBoards } from '../examples/pages/boards.ts'
import { PHOTOS } from '../examples/photos/photos.ts'
import { type Thumbnail, thumbnailOf } from '../examples/photos/thumbnail.ts'
import { createEngine } from '../src/index.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const ROUNDS = 9
const ROUND_MS = 2_000
const WARM_MS = 4_000
const WORKERS = 2
/** At once: neither side waits for work. */
const IN_FLIGHT = 8
const SIDE = 160

const engine = await createEngine({
  workers: WORKERS,
  handlers: [
    new URL('../examples/photos/handlers.ts', import.meta.url),
    new URL('../examples/pages/handlers.ts', import.meta.url),
  ],
})
const pool = new Piscina({
  filename: fileURLToPath(new URL('./examples-task.ts', import.meta.url)),
  minThreads: WORKERS,
  maxThreads: WORKERS,
})

const boards = readBoards()
const pages = boards.map((board) => Buffer.from(render(board)))
const photos = PHOTOS.slice(0, 6).map((path) => readFileSync(path))
const thumbnails = photos.map((photo) => thumbnailOf(photo, SIDE))

function same(result: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(result, expected) !== 0)
    throw new Error('A result differs from what one thread makes of it')
}

/** In memory that all threads share, as it would be received there. */
function shared(photo: Uint8Array): Uint8Array {
  const block = engine.allocate(photo.length)
  block.set(photo)
  return block
}

type Run = (number: number) => Promise<void>
type Measured = {
  readonly name: string
  readonly run: Run
  readonly rates: number[]
  readonly micros: number[]
}
const variant = (name: string, run: Run): Measured => ({ name, run, rates: [], micros: [] })

const tasks: { name: string; ours: Measured; twin: Measured }[] = [
  {
    name: 'thumbnails',
    ours: variant('millrace', async (number) => {
      const { bytes } = await engine.request<Thumbnail>('photo.uploaded', shared(photos[number % 6]!))
      same(bytes, thumbnails[number % 6]!.bytes)
    }),
    twin: variant('piscina', async (number) => {
      const photo = new Uint8Array(photos[number % 6]!)
      const task = { name: 'thumbnail', photo, side: SIDE }
      const { bytes } = await pool.run(task, { transferList: [photo.buffer] })
      same(bytes, thumbnails[number % 6]!.bytes)
    }),
  },
  {
    name: 'pages',
    ours: variant('millrace', async (number) => {
      const index = number % boards.length
      same(await engine.request<Uint8Array>('page.board', boards[index]), pages[index]!)
    }),
    twin: variant('piscina', async (number) => {
      const index = number % boards.length
      same(await pool.run({ name: 'page', board: boards[index] }), pages[index]!)
    }),
  },
]

let next = 0
/** Runs so long with so many in flight; how many were done, and how long this thread computed for each, in microseconds. */
async function measure(run: Run, ms: number): Promise<{ rate: number; micros: number }> {
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (; performance.now() - start < ms; done++) await run(next++)
    }),
  )
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.threadCpuUsage(cpu)
  return { rate: done / seconds, micros: (user + system) / done }
}

async function round({ run, rates, micros }: Measured): Promise<void> {
  const result = await measure(run, ROUND_MS)
  rates.push(result.rate)
  micros.push(result.micros)
}

function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1]!
}

const table = new Table({
  head: ['', '', 'a second', 'main thread, µs each'],
  colAligns: ['left', 'left', 'right', 'right'],
  style: { head: [], border: [] },
})
const verdicts: { text: string; isReached: boolean }[] = []
for (const { name, ours, twin } of tasks) {
  for (const { run } of [ours, twin]) await measure(run, WARM_MS)
  for (let n = 0; n < ROUNDS; n++)
    for (const one of n % 2 === 0 ? [ours, twin] : [twin, ours]) await round(one)
  for (const one of [ours, twin])
    table.push([name, one.name, median(one.rates).toFixed(0), median(one.micros).toFixed(0)])
  // Of rounds beside each other: what else the machine does touches both.
  const throughput = median(ours.rates.map((rate, n) => rate / twin.rates[n]!))
  const cpu = median(ours.micros.map((micros, n) => micros / twin.micros[n]!))
  verdicts.push(
    { text: `${name}: throughput ${throughput.toFixed(3)} × piscina, goal 1`, isReached: throughput >= 1 },
    { text: `${name}: main thread ${cpu.toFixed(2)} × piscina, goal less than 1`, isReached: cpu < 1 },
  )
}
await engine.close()
await pool.destroy()
console.log(table.toString())
for (const { text, isReached } of verdicts) console.log(`${isReached ? 'reached' : 'MISSED '} ${text}`)
if (values.check && verdicts.some(({ isReached }) => !isReached)) process.exitCode = 1
