import type { PayloadKind, Sample } from './payload.ts'

export type Totals = { count: number; sum: number }

/** A way of getting events to a handler. */
export interface Peer {
  /** Sends all, and answers what the receiver has added up once it has handled the last. */
  round(events: readonly (Sample | Uint8Array)[]): Promise<Totals>
  close(): Promise<unknown>
}

export type PeerFactory = (kind: PayloadKind) => Promise<Peer>
