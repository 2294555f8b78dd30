/**
 * An engine at rest, and the first event into it: `npm run bench:idle`.
 *
 * CPU time of the whole process while nothing happens, per worker; lateness of a handler's timers; and the time from
 * `publish` to the handler's start in a parked engine, beside `worker.postMessage` to a worker at rest, in turn.
 */
import { once } from 'node:events'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { createEngine } from '../src/index.ts'

const WORKERS = 2
const IDLE_MS = 5_000
const PROBES = 500
const WARM_EVENTS = 200_000
const WARM_TURNS = 3_000

const now = (): number => Number(process.hrtime.bigint())
const handlers = new URL('./idle-handlers.ts', import.meta.url)

async function idleShare(): Promise<void> {
  await using engine = await createEngine({ workers: WORKERS, handlers })
  const timers = engine.subscribe('idle.timers')
  await setTimeout(500)
  const before = process.cpuUsage()
  const start = performance.now()
  await setTimeout(IDLE_MS)
  const { user, system } = process.cpuUsage(before)
  const share = (user + system) / 1_000 / (performance.now() - start) / WORKERS
  engine.publish('idle.start')
  await setTimeout(IDLE_MS)
  engine.publish('idle.stop')
  const late = (await timers.receive())!.data as number[]
  console.log(`at rest: ${(100 * share).toFixed(2)} % of a core per worker (goal: under 1 %)`)
  console.log(`a handler's timers of 10 ms came ${summary(late.map((ms) => ms * 1_000))} µs late`)
}

async function latency(): Promise<void> {
  await using engine = await createEngine({ workers: 1, handlers })
  const answers = engine.subscribe('idle.latencies')
  const peer = new Worker(new URL('./idle-peer.ts', import.meta.url))
  await once(peer, 'message')
  for (let i = 0; i < WARM_EVENTS; i++) await engine.send('idle.probe', { sent: now(), counts: false })
  for (let i = 0; i < WARM_TURNS; i++) {
    engine.publish('idle.probe', { sent: now(), counts: false })
    peer.postMessage({ sent: now(), counts: false })
    await (i % 4 === 0 ? setTimeout(1) : setImmediate())
  }
  for (let i = 0; i < PROBES; i++) {
    await setTimeout(4 + Math.random() * 5)
    engine.publish('idle.probe', { sent: now(), counts: true })
    await setTimeout(4 + Math.random() * 5)
    peer.postMessage({ sent: now(), counts: true })
  }
  engine.publish('idle.report')
  const ours = (await answers.receive())!.data as number[]
  const theirs = once(peer, 'message')
  peer.postMessage('report')
  const peers = (await theirs)[0] as number[]
  console.log(`publish to a parked worker:  ${summary(ours)} µs`)
  console.log(`postMessage to one at rest:  ${summary(peers)} µs`)
  console.log(`ratio of the medians: ${(quantile(ours, 0.5) / quantile(peers, 0.5)).toFixed(2)}`)
  await peer.terminate()
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)]!
}

function summary(values: readonly number[]): string {
  return [0.5, 0.9, 0.99].map((q) => `p${q * 100} ${quantile(values, q).toFixed(0)}`).join(', ')
}

await idleShare()
await latency()
