import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads'
import { Receipt } from '../payload.ts'

/** The receiving end for `postMessage` and `BroadcastChannel`; 'end' asks for the totals. */
const receipt = new Receipt()
const receive = (message: any): void => {
  if (message === 'end') parentPort!.postMessage(receipt.take())
  else receipt.add(message)
}

if (workerData === 'broadcast') {
  new BroadcastChannel('bench').onmessage = (event) => receive((event as MessageEvent).data)
} else {
  parentPort!.on('message', receive)
}
parentPort!.postMessage('ready')
