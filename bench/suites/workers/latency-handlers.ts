import { defineHandlers } from '../../../src/index.ts'
import { nowNs, Percentiles } from './percentiles.ts'

const seen = new Percentiles()

export default defineHandlers<{ 'latency.tick': { due: number }; 'latency.totals': undefined }>({
  'latency.tick': ({ data }) => seen.add(nowNs() - data.due),
  'latency.totals': () => seen.take(),
})
