import { parentPort, workerData } from 'node:worker_threads'
import { LossyGauge, type LossyPlace } from '../../native-free-ring/src/index.ts'

/** Looks at the counts from a third thread until every record is written, and tells how often they were impossible. */
const { place, records } = workerData as { place: LossyPlace; records: number }
const gauge = new LossyGauge(place)
const found = { unbalanced: 0, beyondCapacity: 0, negative: 0 }

for (let written = 0; written < records; ) {
  const counts = gauge.counts()
  written = counts.written
  if (written !== counts.taken + counts.dropped + counts.pending) found.unbalanced++
  if (counts.pending > place.capacity) found.beyondCapacity++
  if (counts.pending < 0 || counts.dropped < 0) found.negative++
}
parentPort!.postMessage(found)
