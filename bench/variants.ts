import { bareRing } from './limits/bare-ring.ts'
import type { Variant } from './peer.ts'
import { emittery, eventEmitter, eventemitter2, eventemitter3 } from './peers/emitters.ts'
import { millraceBatch, millraceKeyed, millracePublish, millraceTopic } from './peers/millrace.ts'
import { piscina, poolifier, tinypool } from './peers/pools.ts'
import { broadcastChannel, messageChannel, postArrays, postMessage } from './peers/threads.ts'
import { KINDS } from './workload.ts'

const MANY = 2_000_000
const QUEUED = 20_000
const TASKS = 4_000
const LINES = ['struct', 'object', 'order'] as const
const SLOTS = ['struct', 'bytes 64'] as const

/** The ways of getting events to a handler, each at its best. */
export const VARIANTS: readonly Variant[] = [
  { name: 'millrace, topic', start: millraceTopic, kinds: KINDS, maxEvents: MANY },
  { name: 'millrace, publish', start: millracePublish, kinds: KINDS, maxEvents: MANY },
  { name: 'millrace, 64 keys', start: millraceKeyed, kinds: KINDS, maxEvents: MANY },
  { name: 'millrace, sendBatch', start: millraceBatch, kinds: KINDS, maxEvents: MANY },
  { name: 'postMessage', start: postMessage, kinds: KINDS, maxEvents: QUEUED },
  { name: 'postMessage, arrays of 256', start: postArrays, kinds: KINDS, maxEvents: QUEUED },
  { name: 'MessageChannel', start: messageChannel, kinds: KINDS, maxEvents: QUEUED },
  { name: 'BroadcastChannel', start: broadcastChannel, kinds: KINDS, maxEvents: QUEUED },
  { name: 'EventEmitter, one thread', start: eventEmitter, kinds: KINDS, maxEvents: MANY },
  { name: 'piscina', start: piscina, kinds: KINDS, maxEvents: TASKS, from: 'piscina' },
  { name: 'tinypool', start: tinypool, kinds: KINDS, maxEvents: TASKS, from: 'tinypool' },
  { name: 'poolifier', start: poolifier, kinds: KINDS, maxEvents: TASKS, from: 'poolifier' },
  {
    name: 'thread-stream, JSON lines',
    start: async (kind) => (await import('./peers/streams.ts')).threadStream(kind),
    kinds: LINES,
    maxEvents: MANY,
    from: 'thread-stream',
  },
  {
    name: 'ringbuf.js',
    start: async (kind) => (await import('./peers/ringbuf.ts')).ringbuf(kind),
    kinds: KINDS,
    maxEvents: MANY,
    from: 'ringbuf.js',
  },
  {
    name: 'eventemitter3, one thread',
    start: eventemitter3,
    kinds: KINDS,
    maxEvents: MANY,
    from: 'eventemitter3',
  },
  {
    name: 'eventemitter2, wildcards, one thread',
    start: eventemitter2,
    kinds: KINDS,
    maxEvents: MANY,
    from: 'eventemitter2',
  },
  { name: 'emittery, one thread', start: emittery, kinds: KINDS, maxEvents: QUEUED, from: 'emittery' },
  { name: 'bare ring', start: bareRing, kinds: SLOTS, maxEvents: MANY, isLimit: true },
]
