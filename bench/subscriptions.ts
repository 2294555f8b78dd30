/**
 * What many subscriptions cost: `npm run bench:subscriptions`.
 *
 * Time per event with 10 and with 10,000 handlers on wildcards, in fresh engines by turns, topics warm; a cold topic
 * against 10,000 patterns; and 10,000 mailboxes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine } from '../src/index.ts'
import { PatternIndex } from '../src/topic/matcher.ts'

const EVENTS = 400_000
const BATCH = 200
const ROUNDS = 5
const TURNS = 3
const folder = mkdtempSync(join(tmpdir(), 'millrace-subscriptions-'))

const patternOf = (i: number): string => [`s.${i}.*`, `*.t${i}.**`, `img-${i}-*.a`, `a.**.z${i}`][i % 4]!

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** A module with so many handlers, of which one matches. */
function moduleWith(handlers: number): string {
  const file = join(folder, `handlers-${handlers}.mjs`)
  const patterns = Array.from({ length: handlers - 2 }, (_, i) => patternOf(i))
  writeFileSync(
    file,
    `let count = 0
     const handlers = { 'm.x.y': () => { count++ }, end: (event, ctx) => { ctx.publish('count', count); count = 0 } }
     for (const pattern of ${JSON.stringify(patterns)}) handlers[pattern] = () => {}
     export default handlers`,
  )
  return file
}

async function nanosecondsPerEvent(handlers: number): Promise<number> {
  await using engine = await createEngine({ workers: 1, handlers: moduleWith(handlers) })
  const counted = engine.subscribe('count')
  const batch = Array.from({ length: BATCH }, () => ({ type: 'm.x.y', data: 1 }))
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (let sent = 0; sent < EVENTS; sent += BATCH) await engine.sendBatch(batch)
    await engine.drain()
    rounds.push(((performance.now() - start) / EVENTS) * 1e6)
    engine.publish('end')
    const count = (await counted.receive())!.data
    if (count !== EVENTS) throw new Error(`${count} of ${EVENTS} events were handled`)
  }
  return median(rounds)
}

const few: number[] = []
const many: number[] = []
for (let turn = 0; turn < TURNS; turn++) {
  few.push(await nanosecondsPerEvent(10))
  many.push(await nanosecondsPerEvent(10_000))
}
const ratio = median(many) / median(few)
console.log(
  `10 handlers ${median(few).toFixed(0)} ns, 10,000 handlers ${median(many).toFixed(0)} ns per event`,
)
console.log(`ratio ${ratio.toFixed(2)} (goal: at most 1.2)`)

const index = new PatternIndex<number>()
for (let i = 0; i < 10_000; i++) index.add(patternOf(i), i)
const cold: number[] = []
for (let i = 0; i < 2_000; i++) {
  const topic = `s.${i}.x${i}`
  const start = performance.now()
  index.match(topic)
  cold.push((performance.now() - start) * 1_000)
}
const worst = Math.max(...cold.slice(0, 10))
console.log(
  `a cold topic against 10,000 patterns: median ${median(cold).toFixed(1)} µs, worst of the first ten ${worst.toFixed(0)} µs`,
)

const before = process.memoryUsage().rss
const start = performance.now()
{
  await using engine = await createEngine({ workers: 1 })
  for (let i = 0; i < 10_000; i++) engine.subscribe(patternOf(i))
  const ms = performance.now() - start
  engine.publish('s.0.x')
  await engine.drain()
  const mb = (process.memoryUsage().rss - before) / 1e6
  console.log(`10,000 mailboxes: made in ${ms.toFixed(0)} ms, ${((mb * 1e3) / 10_000).toFixed(1)} kB each`)
}
rmSync(folder, { recursive: true })
