import { bool, f64, struct, u32 } from '../src/index.ts'

/** What events carry: a struct of four fields, small objects, orders with lines, bytes. */
export type Kind = 'struct' | 'object' | 'order' | 'bytes 64' | 'bytes 1024' | 'bytes 65536'

export const KINDS: readonly Kind[] = ['struct', 'object', 'order', 'bytes 64', 'bytes 1024', 'bytes 65536']

export const Tick = struct({ price: f64, size: f64, sequence: u32, bid: bool })
export type Tick = { price: number; size: number; sequence: number; bid: boolean }
export type Reading = { value: number; host: string; ok: boolean }
export type Order = {
  id: string
  customer: string
  total: number
  lines: { sku: string; quantity: number; price: number }[]
}

/** So many different ones are sent, again and again. */
const SAMPLES = 1_024

function sampleOf(kind: Kind, index: number): unknown {
  switch (kind) {
    case 'struct':
      return { price: 100 + index / 8, size: index, sequence: index, bid: index % 2 === 0 } satisfies Tick
    case 'object':
      return { value: index, host: `web-${index % 8}`, ok: index % 3 === 0 } satisfies Reading
    case 'order':
      return {
        id: `order-${index}`,
        customer: `customer-${index % 64}`,
        total: index + 0.5,
        lines: [1, 2].map((line) => ({
          sku: `article-${index % 32}-${line}`,
          quantity: line,
          price: index + 0.25,
        })),
      } satisfies Order
    default:
      return new Uint8Array(Number(kind.split(' ')[1])).fill(index)
  }
}

/** Made beforehand: what is measured is how they are sent. */
export function samplesOf(kind: Kind): unknown[] {
  return Array.from({ length: SAMPLES }, (_, index) => sampleOf(kind, index))
}

/** What a receiver adds up of an event: of most of its fields, so that they are read. */
export const WEIGHERS: Readonly<Record<Kind, (data: any) => number>> = {
  struct: ({ price, bid }: Tick) => price + (bid ? 1 : 0),
  object: ({ value, host }: Reading) => value + host.length,
  order: ({ total, lines }: Order) => total + lines[1]!.price,
  'bytes 64': weighBytes,
  'bytes 1024': weighBytes,
  'bytes 65536': weighBytes,
}

function weighBytes(bytes: Uint8Array): number {
  return bytes[0]! + bytes[bytes.length - 1]!
}

export type Totals = { count: number; sum: number }

/** What was received since it was last asked. */
export class Receipt {
  private count = 0
  private sum = 0

  add(weight: number): void {
    this.count++
    this.sum += weight
  }

  take(): Totals {
    const { count, sum } = this
    this.count = 0
    this.sum = 0
    return { count, sum }
  }
}

/** What a receiver must have, of so many events. */
export function expectedOf(kind: Kind, samples: readonly unknown[], count: number): Totals {
  const weights = samples.map(WEIGHERS[kind])
  const round = weights.reduce((sum, weight) => sum + weight, 0)
  const rest = weights.slice(0, count % samples.length).reduce((sum, weight) => sum + weight, 0)
  return { count, sum: Math.floor(count / samples.length) * round + rest }
}
