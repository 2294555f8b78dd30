import { createHash } from 'node:crypto'

export type JobName = 'hashing' | 'JSON parsing' | 'order-book matching' | 'convolution'

/** What keeps a thread busy: `size` times a small piece of work, which answers a number that depends on all of it. */
type Job = (size: number) => number

const text = JSON.stringify({
  id: 'order-1',
  lines: Array.from({ length: 8 }, (_, line) => ({
    sku: `article-${line}`,
    quantity: line,
    price: line + 0.5,
  })),
})
const block = new Uint8Array(256).fill(7)
const image = Float64Array.from({ length: 64 * 64 }, (_, index) => index % 251)
const blurred = new Float64Array(64 * 64)

export const JOBS: Readonly<Record<JobName, Job>> = {
  hashing(size) {
    const hash = createHash('sha256')
    for (let i = 0; i < size; i++) hash.update(block)
    return hash.digest()[0]!
  },
  'JSON parsing'(size) {
    let sum = 0
    for (let i = 0; i < size; i++) sum += JSON.parse(text).lines[i & 7].price
    return sum
  },
  /** Limit orders of two sides that meet in a book of price levels. */
  'order-book matching'(size) {
    const bids = new Map<number, number>()
    const asks = new Map<number, number>()
    let traded = 0
    let random = 12_345
    for (let i = 0; i < size; i++) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff
      const price = 100 + ((random >>> 8) % 16)
      const [own, other] = (random & 1) === 0 ? [bids, asks] : [asks, bids]
      const open = other.get(price) ?? 0
      const quantity = 1 + ((random >>> 16) % 9)
      const filled = Math.min(open, quantity)
      traded += filled
      other.set(price, open - filled)
      own.set(price, (own.get(price) ?? 0) + quantity - filled)
    }
    return traded
  },
  /** A row of a 3 × 3 blur at a time. */
  convolution(size) {
    for (let i = 0; i < size; i++) {
      const y = 1 + (i % 62)
      for (let x = 1; x < 63; x++) {
        let sum = 0
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++) sum += image[64 * (y + dy) + x + dx]!
        blurred[64 * y + x] = sum / 9
      }
    }
    return blurred[64 + 1]!
  },
}

/** The size with which a job takes about so long here. */
export function sizeFor(job: Job, microseconds: number): number {
  for (let i = 0; i < 200; i++) job(20)
  let size = 1
  for (;;) {
    const start = performance.now()
    let calls = 0
    while (performance.now() - start < 30) {
      job(size)
      calls++
    }
    const took = (1_000 * (performance.now() - start)) / calls
    if (Math.abs(took - microseconds) < 0.1 * microseconds || (size === 1 && took > microseconds)) return size
    size = Math.max(1, Math.round((size * microseconds) / took))
  }
}
