/** What is measured in one process of its own. */
export type Case = {
  readonly name: string
  /** Somebody else's: that it fails is told, and the others are measured all the same. */
  readonly isPeer?: boolean
  /** Of what the suite's `measure` answers, by name. */
  readonly units: Readonly<Record<string, string>>
}

/** By the names of the case's units. */
export type Measures = Readonly<Record<string, number>>

/** A case, measured in several rounds. */
export type Measured = { readonly case: Case; readonly runs: readonly Measures[] }

export type Result = {
  readonly suite: string
  readonly name: string
  readonly unit: string
  /** The median of the runs. */
  readonly value: number
  readonly runs: readonly number[]
  readonly ratioTo?: { readonly name: string; readonly ratio: number }
}

/** A ratio that is to be reached, or not to be exceeded. */
export type Goal = {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly isLimit: boolean
  /** What the machine allows by the same measure, where that is known: beyond it nothing can be reached. */
  readonly bound?: number
}

/** A part of a suite's report: one table, and one plot. */
export type Section = {
  readonly title: string
  readonly unit: string
  readonly rows: readonly Result[]
}

export type SuiteOptions = { readonly peers: boolean; readonly quick: boolean }

export type Suite = {
  readonly name: string
  readonly title: string
  /** How often each case is measured, if it is not to be quick. */
  readonly rounds: number
  cases(options: SuiteOptions): readonly Case[]
  /** In a process of its own. */
  measure(name: string, options: SuiteOptions): Promise<Measures>
  report(measured: readonly Measured[]): {
    readonly sections: readonly Section[]
    readonly goals: readonly Goal[]
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** One measure of a case as a result; `ratioTo` another one of the same kind. */
export function resultOf(
  suite: string,
  { case: { name, units }, runs }: Measured,
  measure: string,
  to?: Measured,
): Result {
  const values = runs.map((run) => run[measure]!)
  const value = median(values)
  const result = { suite, name: `${name}, ${measure}`, unit: units[measure]!, value, runs: values }
  if (to === undefined) return result
  return {
    ...result,
    ratioTo: { name: to.case.name, ratio: value / median(to.runs.map((run) => run[measure]!)) },
  }
}

export function hasReached({ value, goal, isLimit }: Goal): boolean {
  return isLimit ? value <= goal : value >= goal
}
