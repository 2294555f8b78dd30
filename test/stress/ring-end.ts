import { parentPort, workerData } from 'node:worker_threads'
import {
  EMPTY,
  FULL,
  pause,
  type RingPlace,
  RingReader,
  RingWriter,
} from '../../native-free-ring/src/index.ts'

/**
 * One end of a ring, in a thread of its own. Records are of `length` bytes, or of varying lengths up to `-length`;
 * each starts with the low word of its number and ends with bytes made of it.
 */
export type RingEnd = { side: 'write' | 'read'; place: RingPlace; records: number; length: number }

export type RingTotals = { records: number; sum: number; wrong: number }

const { side, place, records, length } = workerData as RingEnd
/** Functions of the loop are short and called often, so that they reach the optimising compiler. */
const BATCH = 256
/** After so many looks in vain the other end may need this core. */
const LOOKS = 5_000
const nobody = new Int32Array(new SharedArrayBuffer(4))

function lengthOf(number: number): number {
  return length > 0 ? length : 4 + ((Math.imul(number, 0x9e3779b1) >>> 8) % (-length - 3))
}

function write(writer: RingWriter, from: number, limit: number): number {
  let number = from
  for (; number < limit; number++) {
    const bytes = lengthOf(number)
    const at = writer.claim(bytes)
    if (at === FULL) break
    writer.words[at >> 2] = number
    for (let i = 4; i < bytes; i++) writer.bytes[at + i] = number + i
  }
  if (number > from) writer.commit()
  return number
}

const totals: RingTotals = { records: 0, sum: 0, wrong: 0 }

function read(reader: RingReader): number {
  if (reader.prefetch() === 0) return 0
  let count = 0
  let sum = 0
  for (let at = reader.next(); at !== EMPTY; at = reader.next()) {
    const number = totals.records + count
    if (reader.words[at >> 2] !== number || reader.length !== lengthOf(number)) totals.wrong++
    for (let i = 4; i < reader.length; i++) if (reader.bytes[at + i] !== ((number + i) & 0xff)) totals.wrong++
    sum += reader.words[at >> 2]!
    if (++count === BATCH) break
  }
  reader.release(reader.position)
  totals.records += count
  totals.sum += sum
  return count
}

let idle = 0
function rest(): void {
  if (++idle < LOOKS) pause()
  else Atomics.wait(nobody, 0, 0, 1)
}

if (side === 'write') {
  const writer = new RingWriter(place)
  for (let number = 0; number < records; ) {
    const next = write(writer, number, Math.min(records, number + BATCH))
    if (next === number) rest()
    else idle = 0
    number = next
  }
} else {
  const reader = new RingReader(place)
  while (totals.records < records) {
    if (read(reader) === 0) rest()
    else idle = 0
  }
  parentPort!.postMessage(totals)
}
