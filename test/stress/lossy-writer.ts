import { workerData } from 'node:worker_threads'
import { type LossyPlace, LossyWriter } from '../../native-free-ring/src/index.ts'

/** Writes numbered records of changing length as fast as it can: the number, then bytes that follow from it. */
const { place, records } = workerData as { place: LossyPlace; records: number }
const writer = new LossyWriter(place)
const words = new Int32Array(writer.bytes.buffer, writer.bytes.byteOffset, writer.bytes.length / 4)

for (let number = 0; number < records; number++) {
  const length = 4 + ((number * 7) % 57)
  const at = writer.claim(length)
  words[at >> 2] = number
  for (let i = 4; i < length; i++) writer.bytes[at + i] = number + i
  writer.commit()
}
