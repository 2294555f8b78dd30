import { receiveMessageOnPort, threadId } from 'node:worker_threads'
import { giveBackLease, Parking, wordsOf } from '../native-free-ring/src/index.ts'
import { Dispatcher } from '../src/dispatch/dispatcher.ts'
import { EventLoop } from '../src/dispatch/event-loop.ts'
import { type LoadedModule, loadModules } from '../src/dispatch/load.ts'
import type { RegistryChange } from '../src/dispatch/registry.ts'
import { type DispatchTask, type LoadFailure, nameOf, type WorkerReport } from '../src/dispatch/task.ts'
import { HandlerLoadError } from '../src/errors.ts'
import { describeError } from '../src/event/thrown.ts'
import { ownerWord, parkedWord } from '../src/lane/map.ts'
import { Waits } from '../src/lane/waits.ts'
import { handlerPublishers } from '../src/publish/handler-publishers.ts'
import { publisherParts } from '../src/publish/publisher-parts.ts'

/** The life of a worker thread: loads the handlers, then dispatches until the engine stops. */
export default async function dispatch(task: DispatchTask): Promise<LoadFailure | undefined> {
  const { map, thread, port } = task
  const ports = process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
  const control = wordsOf(map.control)
  // Thread ids start at 0 and are never reused; 0 in a lease means free.
  const holder = threadId + 1
  Atomics.store(control, ownerWord(thread), holder)

  const report = (message: WorkerReport): void => port.postMessage(message)

  const rules = { delivery: task.delivery.mode, pools: task.pools }
  let loaded: LoadedModule[]
  try {
    loaded = await loadModules(task.modules, rules, { workerId: thread })
  } catch (error) {
    giveBackLease(control, ownerWord(thread))
    port.close()
    return loadFailure(error)
  }

  const parking = new Parking(control, parkedWord(thread), { resident: true })
  const waits = new Waits(parking, { drive: false })
  const parts = publisherParts(map, thread, waits)
  const { origins, blocks } = parts
  const publishers = handlerPublishers(parts, thread, task.onFull)
  const changes: RegistryChange[] = task.mailboxes.map((place) => ({ add: place }))
  const dispatcher = new Dispatcher({
    map,
    thread,
    holder,
    specs: task.modules,
    modules: loaded,
    memory: task.memory,
    affinity: task.affinity,
    delivery: task.delivery,
    rules,
    maxInFlight: task.maxInFlight,
    origins,
    publishers,
    waits,
    blocks,
    parking,
    receiveChanges: () => {
      const received = changes.splice(0)
      for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
        received.push(next.message)
      }
      return received
    },
    reports: {
      onDeadLetter: (letter, untold) => report({ kind: 'dead-letter', letter, untold }),
      onHookError: (error, hook, lane) =>
        report({ kind: 'hook-error', error: describeError(error), hook, lane }),
      onPrepared: ({ id, handlers }) => report({ kind: 'prepared', id, handlers: handlers.map(nameOf) }),
      onRefused: (id, error) => report({ kind: 'refused', id, failure: loadFailure(error) }),
      onHistogram: (handler, histogram) => report({ kind: 'histogram', handler, histogram }),
    },
    spins: true,
    eventLoop: new EventLoop(() => ports + (parking.isTiming ? 1 : 0)),
  })
  report({ kind: 'ready', handlers: loaded.map(({ handlers }) => handlers.map(nameOf)) })
  await dispatcher.run().catch(die)
  for (const publisher of publishers) publisher.close()
  parking.close()
  port.close()
  // A thread's output goes through the main thread, chunk by chunk: what is on the way would be lost with the thread.
  await Promise.all([flush(process.stdout), flush(process.stderr)])
  return undefined
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()))
}

/** An error of the dispatcher itself ends the thread: a new one goes on where this one stopped. */
function die(error: unknown): Promise<never> {
  queueMicrotask(() => {
    throw error
  })
  return new Promise(() => {})
}

function loadFailure(error: unknown): LoadFailure {
  const known = error instanceof HandlerLoadError
  return {
    module: known ? error.module : '',
    message: error instanceof Error ? error.message : String(error),
    cause: describeError(known && error.cause !== undefined ? error.cause : error),
  }
}
