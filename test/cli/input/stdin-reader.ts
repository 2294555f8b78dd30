// Started by records.test.ts: reads its stdin in the given format. With `stop` it takes one batch, lets the
// event loop turn and tells by message how much was read from the pipe; otherwise it prints all there was.
import { type InputFormat, openRecords } from '../../../src/cli/input/records.ts'

const [format, stop] = process.argv.slice(2)
const problems: number[] = []
const { totalBytes, records } = await openRecords('-', {
  format: format as InputFormat,
  onMalformed: ({ line }) => problems.push(line),
})

if (stop === undefined) {
  const all: unknown[] = []
  for await (const batch of records) for (const { line, value } of batch) all.push([line, value])
  console.log(JSON.stringify({ total: totalBytes ?? null, records: all, problems }))
} else {
  const iterator = records[Symbol.asyncIterator]()
  await iterator.next()
  for (let turn = 0; turn < 1000; turn++) await new Promise(setImmediate)
  process.send?.((process.stdin as unknown as { bytesRead: number }).bytesRead)
  process.once('disconnect', () => process.exit())
}
