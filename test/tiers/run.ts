/**
 * Publishes through the public interface until the hot functions have the best code that there is, and then as much again:
 * `node --allow-natives-syntax --trace-deopt test/tiers/run.ts object|bytes|struct`. Writes lines of JSON, and WINDOW around the second part.
 */
import { bool, createEngine, f64, str, struct } from '../../src/index.ts'
import { DirectWriter } from '../../src/publish/direct-writer.ts'
import { FreeWriter } from '../../src/publish/free-writer.ts'
import { Publisher } from '../../src/publish/publisher.ts'
import { isOptimised } from './tier.ts'

const EVENTS = 20_000
const STRETCH = 250
const MAX_ROUNDS = 100
const WINDOW_ROUNDS = 20

const kind = process.argv[2]!
const topic = `tier.${kind}`
const events = Array.from({ length: EVENTS }, (_, index) =>
  kind === 'bytes' ? new Uint8Array(64).fill(1) : { value: index, host: `web-${index % 8}`, ok: true },
)
const expected = kind === 'bytes' ? EVENTS : (EVENTS * (EVENTS - 1)) / 2
const engine = await createEngine({
  workers: 1,
  handlers: new URL('./handlers.ts', import.meta.url),
  structs: { 'tier.struct': struct({ value: f64, host: str(16), ok: bool }) },
})

/** What writes such data. */
const { writePlain, writeBytes } = DirectWriter.prototype as any
const { claim } = FreeWriter.prototype
const write = { object: writePlain, bytes: writeBytes, struct: claim }[kind]

/**
 * A stretch of them; answers where it has come to, negative if there was no room. Short: of a long loop only the loop would be compiled, as it runs, and nobody
 * could see into what.
 */
function publishSome(first: number): number {
  const end = Math.min(first + STRETCH, EVENTS)
  for (let i = first; i < end; i++) if (!engine.publish(topic, events[i])) return ~i
  return end
}

async function publishAll(): Promise<void> {
  for (let i = 0; i < EVENTS; ) {
    i = publishSome(i)
    if (i >= 0) continue
    i = ~i
    await engine.send(topic, events[i])
    i++
  }
}

/** Whether the code is the best: of handling, and of publishing. */
async function round(): Promise<[boolean, boolean]> {
  await publishAll()
  await engine.drain()
  const answer = await engine.request('tier.asked')
  if (answer.count !== EVENTS || answer.sum !== expected) throw new Error(`handled ${JSON.stringify(answer)}`)
  return [
    answer.isOptimised,
    isOptimised(write, FreeWriter.prototype.publish, Publisher.prototype.publish, publishSome),
  ]
}

let rounds = 1
let best = await round()
for (; best.includes(false) && rounds < MAX_ROUNDS; rounds++) best = await round()
console.log(JSON.stringify({ rounds, handling: best[0], publishing: best[1] }))
// Others that are as hot may come a little later.
for (let i = 0; i < WINDOW_ROUNDS; i++) await round()
console.log('WINDOW')
for (let i = 0; i < WINDOW_ROUNDS; i++) best = await round()
console.log('WINDOW')
console.log(JSON.stringify({ handling: best[0], publishing: best[1] }))
await engine.close()
