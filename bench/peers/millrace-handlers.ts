import { defineHandlers } from '../../src/index.ts'
import { Receipt, type Sample } from '../payload.ts'

type BenchEvents = {
  'bench.object': Sample
  'bench.bytes': Uint8Array
  'bench.end': undefined
  'bench.totals': unknown
}

const receipt = new Receipt()

export default defineHandlers<BenchEvents>({
  'bench.object': (event) => receipt.add(event.data),
  'bench.bytes': (event) => receipt.add(event.bytes),
  'bench.end': (_event, ctx) => void ctx.publish('bench.totals', receipt.take()),
})
