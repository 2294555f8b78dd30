import { parentPort } from 'node:worker_threads'

const latencies: number[] = []

parentPort!.on('message', (message) => {
  const arrived = Number(process.hrtime.bigint())
  if (message === 'report') parentPort!.postMessage(latencies)
  else if (message.counts) latencies.push((arrived - message.sent) / 1_000)
})
parentPort!.postMessage('ready')
