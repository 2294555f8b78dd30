import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { allocateLatest, EMPTY, LatestGauge, LatestReader, pause } from '../../native-free-ring/src/index.ts'

test.each([
  ['one key', 1, 1],
  ['fewer keys than slots', 50, 64],
  ['more keys than slots', 50, 8],
])(
  '2 million values past a reader that stalls: %s; none torn, none older than the last, the latest not lost',
  { timeout: 120_000 },
  async (_, keys, slots) => {
    const values = 2_000_000
    const place = allocateLatest(slots, 64)
    const reader = new LatestReader(place)
    const writer = new Worker(new URL('./latest-writer.ts', import.meta.url), {
      workerData: { place, keys, values },
    })
    let ended = false
    const end = once(writer, 'exit').then(() => {
      ended = true
    })
    const latest = new Array<number>(keys).fill(0)
    const copy = new Uint8Array(64)
    const words = new Int32Array(copy.buffer)
    let wrong = 0
    let copies = 0
    for (;;) {
      const last = ended
      const at = reader.next()
      if (at === EMPTY) {
        if (last) break
        await new Promise((resolve) => setImmediate(resolve))
        continue
      }
      const { length } = reader
      for (let i = 0; i < length; i++) copy[i] = reader.bytes[at + i]!
      if (copies++ % 5_000 === 0) for (let i = 0; i < 100_000; i++) pause()
      if (!reader.confirm()) continue
      const key = words[0]!
      const number = words[1]!
      if ((number * 7) % keys !== key || number <= latest[key]! || length !== 8 + (number % 57)) wrong++
      for (let i = 8; i < length; i++) if (copy[i] !== ((number + i) & 0xff)) wrong++
      latest[key] = number
    }
    await end
    expect(wrong).toBe(0)
    expect(new LatestGauge(place).counts().pending).toBe(0)
    expect(Math.max(...latest)).toBe(values)
    // Each key's last value is among the last ones written, if it had a slot of its own.
    if (keys <= slots) expect(Math.min(...latest)).toBe(values - keys + 1)
  },
)
