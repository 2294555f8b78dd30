import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import ThreadStream from 'thread-stream'
import { beside } from '../beside.ts'
import type { PeerFactory } from '../peer.ts'
import type { Totals } from '../workload.ts'

/** `thread-stream`: what it carries is text, so events are lines of JSON. */
export const threadStream: PeerFactory = async (kind) => {
  const stream = new ThreadStream({
    filename: fileURLToPath(beside(import.meta.url, './stream-worker')),
    workerData: { kind },
    sync: false,
  })
  await once(stream, 'ready')
  return {
    async round(samples, count) {
      const totals = once(stream, 'totals')
      const mask = samples.length - 1
      for (let i = 0; i < count; i++)
        if (!stream.write(`${JSON.stringify(samples[i & mask])}\n`)) await once(stream, 'drain')
      stream.write('end\n')
      return (await totals)[0] as Totals
    },
    async close() {
      const closed = once(stream, 'close')
      stream.end()
      await closed
    },
  }
}
