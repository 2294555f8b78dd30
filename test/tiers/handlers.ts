import { RingDrain } from '../../src/dispatch/ring-drain.ts'
import { isOptimised } from './tier.ts'

const { drain, drainDirect } = RingDrain.prototype as any

let count = 0
let sum = 0

export default {
  'tier.object': (event: any) => {
    count++
    sum += event.data.value
  },
  'tier.struct': ({ data }: any) => {
    count++
    sum += data.ok ? data.value : 0
  },
  'tier.bytes': (event: any) => {
    count++
    sum += event.bytes[0]
  },
  /** What was handled, and whether the loop that handles it has the best code that there is. */
  'tier.asked': () => {
    const answer = { count, sum, isOptimised: isOptimised(drainDirect, drain) }
    count = 0
    sum = 0
    return answer
  },
}
