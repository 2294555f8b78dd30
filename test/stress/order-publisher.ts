import { workerData } from 'node:worker_threads'
import { attach } from '../../src/index.ts'

/** Publishes numbers in order, each under one of the keys, in batches. */
const { handle, keys, events, publisher } = workerData
const publishing = attach(handle)
const BATCH = 500

for (let from = 0; from < events; from += BATCH) {
  await publishing.sendBatch(
    Array.from({ length: Math.min(BATCH, events - from) }, (_, index) => {
      const number = from + index
      const key = (number * 7_919) % keys
      return { type: 'order.event', data: [publisher, key, number], key: `key-${key}` }
    }),
  )
}
publishing.close()
