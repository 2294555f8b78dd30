import { JOBS, type JobName } from './jobs.ts'

/** The same work as a task of a pool. */
export default function run({ job, size }: { job: JobName; size: number }): number {
  return JOBS[job](size)
}
