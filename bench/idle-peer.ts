import { parentPort } from 'node:worker_threads'

const latencies: number[] = []

parentPort!.on('message', (sent) => {
  if (sent === 'report') parentPort!.postMessage(latencies)
  else if (sent !== undefined) latencies.push((Number(process.hrtime.bigint()) - sent) / 1_000)
})
parentPort!.postMessage('ready')
