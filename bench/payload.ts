/** What is sent: small objects as MessagePack, or bytes. */
export type PayloadKind = 'object' | 'bytes'

export type Sample = { value: number; host: string; ok: boolean }

/** The events of a round, made beforehand: the benchmark is about sending them. */
export function payloads(kind: PayloadKind, count: number): (Sample | Uint8Array)[] {
  return Array.from({ length: count }, (_, index) =>
    kind === 'object'
      ? { value: index, host: `web-${index % 8}`, ok: index % 3 === 0 }
      : new Uint8Array(64).fill(index & 0xff),
  )
}

/** What a receiver adds up, so that a round is known to have arrived. */
export function weigh(data: Sample | Uint8Array): number {
  return data instanceof Uint8Array ? data[0]! + data[data.length - 1]! : data.value + data.host.length
}

/** Count and checksum of everything received since the last time. */
export class Receipt {
  private count = 0
  private sum = 0

  add(data: Sample | Uint8Array): void {
    this.count++
    this.sum += weigh(data)
  }

  take(): { count: number; sum: number } {
    const { count, sum } = this
    this.count = 0
    this.sum = 0
    return { count, sum }
  }
}
