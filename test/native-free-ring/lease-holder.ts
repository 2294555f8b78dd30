import { workerData } from 'node:worker_threads'
import { giveBackLease, leaseHolder, takeLease } from '../../native-free-ring/src/index.ts'

/** Word 0 is the lease, word 1 what it protects, word 2 how often somebody else was seen inside. */
const { words, holder, turns } = workerData as { words: Int32Array; holder: number; turns: number }

for (let turn = 0; turn < turns; ) {
  if (!takeLease(words, 0, holder)) continue
  const before = words[1]!
  for (let i = 0; i < 20; i++) if (leaseHolder(words, 0) !== holder) Atomics.add(words, 2, 1)
  words[1] = before + 1
  giveBackLease(words, 0)
  turn++
}
