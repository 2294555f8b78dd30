import type { RecordableHistogram } from 'node:perf_hooks'
import type { MessagePort } from 'node:worker_threads'
import type { Policy } from '../event/policy.ts'
import type { FailureError } from '../event/thrown.ts'
import type { MailboxPlace } from '../lane/mailbox.ts'
import type { SharedMap } from '../lane/map.ts'
import type { Delivery } from './aftermath.ts'
import type { DeadLetter } from './failure.ts'
import type { Handler } from './handlers.ts'
import type { Affinity } from './lanes.ts'
import type { ModuleSpec } from './load.ts'
import type { ThreadMemory } from './thread-memory.ts'

/** The one endless task of a worker thread. */
export type DispatchTask = {
  map: SharedMap
  thread: number
  modules: readonly ModuleSpec[]
  memory: ThreadMemory
  affinity: Affinity
  delivery: Delivery
  /** The names of the pools. */
  pools: readonly string[]
  maxInFlight: number
  onFull: Policy
  /** Subscriptions there are already. */
  mailboxes: readonly MailboxPlace[]
  /** Registry changes come in, reports go out. */
  port: MessagePort
}

/** What the engine knows of a handler. */
export type HandlerName = Pick<Handler, 'name' | 'pattern' | 'scope' | 'pool' | 'replayLast'>

export function nameOf({ name, pattern, scope, pool, replayLast }: Handler): HandlerName {
  return { name, pattern, scope, pool, replayLast }
}

/** Why the handlers can't be loaded; the task ends with it, instead of dispatching. */
export type LoadFailure = { module: string; message: string; cause: FailureError }

/** What a worker says on its port. */
export type WorkerReport =
  | { kind: 'ready'; handlers: HandlerName[][] }
  | { kind: 'prepared'; id: number; handlers: HandlerName[] }
  | { kind: 'refused'; id: number; failure: LoadFailure }
  | { kind: 'dead-letter'; letter: DeadLetter; untold: number }
  | { kind: 'hook-error'; error: FailureError; hook: string; lane: number | undefined }
  | { kind: 'histogram'; handler: number; histogram: RecordableHistogram }
