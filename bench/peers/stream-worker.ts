import { Writable } from 'node:stream'
import { parentPort } from 'node:worker_threads'
import { type Kind, Receipt, WEIGHERS } from '../workload.ts'

/** The receiving end of `thread-stream`. */
export default function open({ kind }: { kind: Kind }): Writable {
  const receipt = new Receipt()
  const weigh = WEIGHERS[kind]
  let rest = ''
  return new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (line === 'end') parentPort!.postMessage({ code: 'EVENT', name: 'totals', args: [receipt.take()] })
        else receipt.add(weigh(JSON.parse(line)))
      }
      done()
    },
  })
}
