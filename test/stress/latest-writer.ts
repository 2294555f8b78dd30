import { workerData } from 'node:worker_threads'
import { type LatestPlace, LatestWriter } from '../../native-free-ring/src/index.ts'

/** Writes values of changing length for some keys, as fast as it can: the key, a number, bytes that follow from it. */
const { place, keys, values } = workerData as { place: LatestPlace; keys: number; values: number }
const writer = new LatestWriter(place)
const words = new Int32Array(writer.bytes.buffer, writer.bytes.byteOffset, writer.bytes.length / 4)

for (let number = 1; number <= values; number++) {
  const key = (number * 7) % keys
  const length = 8 + (number % 57)
  const at = writer.claim(key, length, (other) => words[other >> 2] === key)
  words[at >> 2] = key
  words[(at >> 2) + 1] = number
  for (let i = 8; i < length; i++) writer.bytes[at + i] = number + i
  writer.commit()
}
