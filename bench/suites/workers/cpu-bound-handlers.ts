import { defineHandlers } from '../../../src/index.ts'
import { JOBS, type JobName } from './jobs.ts'

let count = 0
let sum = 0
let busyMs = 0

type Totals = { count: number; sum: number; busyMs: number }

export default defineHandlers<{
  job: { job: JobName; size: number }
  'job.totals': undefined
  'job.told': Totals
}>({
  job: ({ data }) => {
    const start = performance.now()
    sum += JOBS[data.job](data.size)
    busyMs += performance.now() - start
    count++
  },
  'job.totals': {
    scope: 'every-worker',
    handle: (_event, ctx) => {
      ctx.publish('job.told', { count, sum, busyMs })
      count = 0
      sum = 0
      busyMs = 0
    },
  },
})
