import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { PeerFactory } from '../peer.ts'

/** `piscina.run`, one task an event, all of a round in flight at once. */
export const piscina: PeerFactory = async () => {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./piscina-task.ts', import.meta.url)),
    minThreads: 1,
    maxThreads: 1,
    concurrentTasksPerWorker: 16,
  })
  return {
    async round(events) {
      const weights = await Promise.all(events.map((event) => pool.run(event)))
      return { count: weights.length, sum: weights.reduce((sum, weight) => sum + weight, 0) }
    },
    close: () => pool.destroy(),
  }
}
