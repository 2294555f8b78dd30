import { fileURLToPath } from 'node:url'
import { beside } from '../beside.ts'
import type { Peer, PeerFactory } from '../peer.ts'
import type { Kind } from '../workload.ts'

const TASK = beside(import.meta.url, './pool-task')
const CONCURRENCY = 16

/** All of a round are in flight at once. */
function peer(
  run: (task: { kind: Kind; data: unknown }) => Promise<number>,
  kind: Kind,
  close: Peer['close'],
): Peer {
  return {
    async round(samples, count) {
      const mask = samples.length - 1
      const tasks = Array.from({ length: count }, (_, i) => run({ kind, data: samples[i & mask] }))
      const weights = await Promise.all(tasks)
      return { count: weights.length, sum: weights.reduce((sum, weight) => sum + weight, 0) }
    },
    close,
  }
}

/** `piscina.run`, a task an event. */
export const piscina: PeerFactory = async (kind) => {
  const { Piscina } = await import('piscina')
  const options = {
    filename: fileURLToPath(TASK),
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: CONCURRENCY,
  }
  const pool = new Piscina(options)
  return peer(
    (task) => pool.run(task),
    kind,
    () => pool.destroy(),
  )
}

export const tinypool: PeerFactory = async (kind) => {
  const { Tinypool } = await import('tinypool')
  const options = { filename: TASK.href, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: CONCURRENCY }
  const pool = new Tinypool(options)
  return peer(
    (task) => pool.run(task),
    kind,
    () => pool.destroy(),
  )
}

export const poolifier: PeerFactory = async (kind) => {
  const { FixedThreadPool } = await import('poolifier')
  const worker = fileURLToPath(beside(import.meta.url, './poolifier-worker'))
  const pool = new FixedThreadPool<{ kind: Kind; data: unknown }, number>(1, worker)
  return peer(
    async (task) => (await pool.execute(task)) as number,
    kind,
    () => pool.destroy(),
  )
}
