import { parentPort } from 'node:worker_threads'
import { burn } from './burn.ts'

/** The slow handler without an engine: what the machine itself makes of it. */
parentPort!.on('message', (ms: number) => {
  burn(ms)
  parentPort!.postMessage('done')
})
