import type { Kind, Totals } from './workload.ts'

/** A way of getting events to a handler. */
export interface Peer {
  /** Sends so many, the samples again and again; answers what the receiver has added up once it has handled the last. */
  round(samples: readonly any[], count: number): Promise<Totals>
  close(): Promise<unknown> | undefined
}

export type PeerFactory = (kind: Kind) => Promise<Peer> | Peer

export type Variant = {
  readonly name: string
  readonly start: PeerFactory
  readonly kinds: readonly Kind[]
  /** Of one round at most: what is not bounded by itself takes memory for all of them. */
  readonly maxEvents: number
  /** Whose package it is measured beside (`--peers`); undefined: Millrace's own, and Node's. */
  readonly from?: string
  /** What nobody can be faster than. */
  readonly isLimit?: boolean
}
