import { type Kind, WEIGHERS } from '../workload.ts'

/** The task of the pools: what an event weighs. */
export default function weigh({ kind, data }: { kind: Kind; data: unknown }): number {
  return WEIGHERS[kind](data)
}
