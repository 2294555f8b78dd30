import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import {
  allocateLossy,
  EMPTY,
  LossyGauge,
  LossyReader,
  pause,
  resetLossy,
} from '../../native-free-ring/src/index.ts'

test.each([
  ['small, overwritten all the time', 256, 1_000, 0],
  ['few records', 65_536, 4, -64],
  ['with room', 1_048_576, 100_000, 0x7fff_ff00],
])(
  '5 million records past a reader that stalls: %s; none torn, none twice, none uncounted',
  { timeout: 120_000 },
  async (_, dataBytes, capacity, position) => {
    const records = 5_000_000
    const place = allocateLossy(dataBytes, capacity)
    resetLossy(place, position)
    const reader = new LossyReader(place)
    const writer = new Worker(new URL('./lossy-writer.ts', import.meta.url), {
      workerData: { place, records },
    })
    const ended = once(writer, 'exit')
    const observer = new Worker(new URL('./lossy-observer.ts', import.meta.url), {
      workerData: { place, records },
    })
    const observed = once(observer, 'message')
    let last = -1
    let wrong = 0
    let copies = 0
    const copy = new Uint8Array(64)
    const words = new Int32Array(copy.buffer)
    while (last < records - 1) {
      const at = reader.next()
      if (at === EMPTY) {
        reader.release()
        await new Promise((resolve) => setImmediate(resolve))
        continue
      }
      const { length } = reader
      for (let i = 0; i < length; i++) copy[i] = reader.bytes[at + i]!
      // A stall, now and then, in the middle of a record.
      if (copies++ % 50_000 === 0) for (let i = 0; i < 100_000; i++) pause()
      if (!reader.confirm()) continue
      const number = words[0]!
      if (number <= last || length !== 4 + ((number * 7) % 57)) wrong++
      for (let i = 4; i < length; i++) if (copy[i] !== ((number + i) & 0xff)) wrong++
      last = number
      if (copies % 64 === 0) reader.release()
    }
    reader.release()
    await ended
    expect(wrong).toBe(0)
    expect(await observed).toEqual([{ unbalanced: 0, beyondCapacity: 0, negative: 0 }])
    expect(new LossyGauge(place).counts()).toEqual({
      written: records,
      taken: reader.taken,
      dropped: reader.missed,
      pending: 0,
    })
    expect(reader.taken + reader.missed).toBe(records)
  },
)
