import { threadId, workerData } from 'node:worker_threads'
import { attach, type ConnectionHandle, FullError } from '../../src/index.ts'
import { idOf, priorityOf, typeOf } from './check.ts'
import { arm, type Failpoint, type Shared } from './failpoint.ts'
import type { KillEvents } from './handlers.ts'
import { History } from './history.ts'

export type PublisherPlan = {
  handle: ConnectionHandle
  shared: Shared
  publisher: number
  events: number
  keys: number
  padding: number
  failpoint: Failpoint
}

/** An attached thread that publishes until it dies. */
const { handle, shared, publisher, events, keys, padding, failpoint } = workerData as PublisherPlan
const history = new History(shared.history)
const attached = attach<KillEvents>(handle)
for (let number = 0; number < events; number++) {
  if (number === 10) arm(failpoint, shared, threadId)
  const key = number % keys
  const entry = { publisher, key, number, attempt: 0, thread: threadId }
  const options = { key: `key-${key}`, id: idOf(entry), priority: priorityOf(key) }
  const data = { publisher, key, number, turns: number % 3, echo: false, padding: 'x'.repeat(padding) }
  history.write({ kind: 'publish', ...entry })
  // Half of them one by one, half through a wait.
  try {
    const isSent = number % 2 === 1
    if (isSent) await attached.send(typeOf(number), data, options)
    const accepted = isSent || attached.publish(typeOf(number), data, options)
    history.write({ kind: accepted ? 'accept' : 'refuse', ...entry })
  } catch (error) {
    if (!(error instanceof FullError)) throw error
    history.write({ kind: 'refuse', ...entry })
  }
}
// Those that have not died by now do so by themselves.
attached.close()
