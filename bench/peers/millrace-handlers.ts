import { defineHandlers } from '../../src/index.ts'
import { Receipt, WEIGHERS } from '../workload.ts'

const receipt = new Receipt()
const { struct, object, order } = WEIGHERS
const bytes = WEIGHERS['bytes 64']

export default defineHandlers({
  'bench.struct': (event) => receipt.add(struct(event.data)),
  'bench.object': (event) => receipt.add(object(event.data)),
  'bench.order': (event) => receipt.add(order(event.data)),
  'bench.bytes-64': (event) => receipt.add(bytes(event.data)),
  'bench.bytes-1024': (event) => receipt.add(bytes(event.data)),
  'bench.bytes-65536': (event) => receipt.add(bytes(event.data)),
  'bench.totals': () => receipt.take(),
})
