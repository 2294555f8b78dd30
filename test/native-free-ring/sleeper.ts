import { parentPort, workerData } from 'node:worker_threads'
import { Parking, wake } from '../../native-free-ring/src/index.ts'

/**
 * Plays ping-pong: waits, by `park` or `block`, until the word of its own side has grown, then lets the other's grow.
 *
 * Word 0 is this thread's parking word, 1 the other's; 2 counts the other's moves, 3 this one's.
 */
const { words, turns, blocks } = workerData as { words: Int32Array; turns: number; blocks: boolean }
const parking = new Parking(words, 0)
let passes = 0

for (let turn = 1; turn <= turns; turn++) {
  const moved = () => Atomics.load(words, 2) >= turn
  while (!moved()) {
    passes++
    if (blocks) parking.block(moved)
    else await parking.park(moved)
  }
  Atomics.store(words, 3, turn)
  wake(words, 1)
}
parking.close()
parentPort!.postMessage(passes)
