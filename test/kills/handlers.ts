import { setImmediate as turn } from 'node:timers/promises'
import { getEnvironmentData, threadId } from 'node:worker_threads'
import {
  defineHandlers,
  type HandlerFunction,
  type MillraceEvent,
  type ModuleHooks,
} from '../../src/index.ts'
import { arm, type Failpoint, SHARED, type Shared } from './failpoint.ts'
import { History } from './history.ts'

export type KillEvents = {
  'kill.event': {
    publisher: number
    key: number
    number: number
    turns: number
    echo: boolean
    padding: string
  }
  /** The same, which another pool has, too. */
  'kill.copied': KillEvents['kill.event']
  'kill.echo': { number: number; padding?: string }
  'kill.everywhere': number
  'kill.arm': Failpoint
  /** Holds its thread for so many milliseconds. */
  'kill.block': number
}

const shared = getEnvironmentData(SHARED) as Shared
const history = new History(shared.history)

/** Writes down which lanes this thread has. */
export const hooks: ModuleHooks = {
  laneGained: (lane) => write('gain', lane),
  laneLost: (lane) => write('lose', lane),
}

function write(kind: 'gain' | 'lose', lane: number): void {
  history.write({ kind, publisher: 0, key: -1, number: 0, attempt: 0, thread: threadId, lane })
}

/** Writes down when each event starts and ends; some wait in between, some send another one, which must not fail for want of room. */
const handle: HandlerFunction<MillraceEvent<string, KillEvents['kill.event']>, KillEvents> = (event, ctx) => {
  const { publisher, key, number, turns, echo, padding } = event.data
  // As large as the event.
  const echoed = { number, padding }
  const entry = { publisher, key, number, attempt: ctx.attempt, thread: threadId }
  history.write({ kind: 'start', ...entry, lane: ctx.lane })
  if (turns === 0) {
    if (echo) ctx.publish('kill.echo', echoed, { key: `key-${key}`, onFull: 'drop-newest' })
    history.write({ kind: 'end', ...entry })
    return number
  }
  return (async () => {
    for (let i = 0; i < turns; i++) await turn()
    if (echo) await ctx.send('kill.echo', echoed, { key: `key-${key}`, onFull: 'block' })
    history.write({ kind: 'end', ...entry })
    return number
  })()
}

export default defineHandlers<KillEvents>({
  'kill.event': handle,
  'kill.copied': handle,
  /** In a pool of its own: what is sent to it, and a copy of every fourth event. */
  'kill.echo': { pool: 'aside', handle: () => {} },
  'kill.{copied,aside}': { pool: 'aside', name: 'aside', handle: () => {} },
  /** On each worker: its copies must all be dealt with, too. */
  'kill.everywhere': { scope: 'every-worker', replayLast: true, name: 'everywhere', handle: () => {} },
  'kill.block': ({ data }) => {
    for (const end = performance.now() + data; performance.now() < end; );
  },
  'kill.arm': (event, ctx) => {
    if (ctx.attempt === 1) arm(event.data, shared, threadId)
  },
})
