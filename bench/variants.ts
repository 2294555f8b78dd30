import type { PayloadKind } from './payload.ts'
import type { PeerFactory } from './peer.ts'
import { millraceBatch, millracePublish } from './peers/millrace.ts'
import { decodeOnly, encodeOnly, eventEmitter } from './peers/one-thread.ts'
import { piscina } from './peers/pool.ts'
import { broadcastChannel, postMessage } from './peers/threads.ts'

export type Variant = {
  readonly name: string
  readonly kinds: readonly PayloadKind[]
  /** Events of one round. */
  readonly events: number
  readonly start: PeerFactory
}

const BOTH: readonly PayloadKind[] = ['object', 'bytes']

export const VARIANTS: readonly Variant[] = [
  { name: 'millrace publish', kinds: BOTH, events: 100_000, start: millracePublish },
  { name: 'millrace sendBatch', kinds: BOTH, events: 100_000, start: millraceBatch },
  { name: 'worker.postMessage', kinds: BOTH, events: 20_000, start: postMessage },
  { name: 'BroadcastChannel', kinds: BOTH, events: 20_000, start: broadcastChannel },
  { name: 'piscina.run', kinds: BOTH, events: 2_000, start: piscina },
  { name: 'EventEmitter', kinds: BOTH, events: 100_000, start: eventEmitter },
  { name: 'encode alone', kinds: ['object'], events: 100_000, start: encodeOnly },
  { name: 'decode alone', kinds: ['object'], events: 100_000, start: decodeOnly },
]
