import { defineHandlers } from '../../../src/index.ts'
import { Receipt, WEIGHERS } from '../../workload.ts'

const receipt = new Receipt()
const { struct } = WEIGHERS

export default defineHandlers({
  'memory.struct': (event) => receipt.add(struct(event.data)),
  'memory.heap': () => {
    ;(globalThis as unknown as { gc(): void }).gc()
    return { heap: process.memoryUsage().heapUsed, ...receipt.take() }
  },
})
