import { parentPort } from 'node:worker_threads'
import { nowNs, Percentiles } from './percentiles.ts'

/** The receiving end of `postMessage`. */
const seen = new Percentiles()
parentPort!.on('message', (message: 'end' | { due: number }) => {
  if (message === 'end') parentPort!.postMessage(seen.take())
  else seen.add(nowNs() - message.due)
})
parentPort!.postMessage('ready')
