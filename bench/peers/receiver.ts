import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads'
import { type Kind, Receipt, WEIGHERS } from '../workload.ts'
import type { Way } from './threads.ts'

/** The receiving end of what Node has; 'end' asks for the totals. */
const { kind, way, port } = workerData as { kind: Kind; way: Way; port: typeof parentPort }
const receipt = new Receipt()
const weigh = WEIGHERS[kind]

const receive = (message: any): void => {
  if (message === 'end') parentPort!.postMessage(receipt.take())
  else receipt.add(weigh(message))
}

const receiveArray = (message: any): void => {
  if (message === 'end') parentPort!.postMessage(receipt.take())
  else for (const event of message) receipt.add(weigh(event))
}

if (way === 'broadcast') {
  new BroadcastChannel('bench').onmessage = (event) => receive((event as MessageEvent).data)
} else if (way === 'channel') {
  port!.on('message', receive)
} else {
  parentPort!.on('message', way === 'array' ? receiveArray : receive)
}
parentPort!.postMessage('ready')
