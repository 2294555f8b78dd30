/** Which of V8's compilers a function's code comes from. Needs `--allow-natives-syntax`. */
const call = (code: string, ...names: string[]) => new Function(...names, code) as (...given: any[]) => any
const prepare = call('%PrepareFunctionForOptimization(f)', 'f')
const optimize = call('%OptimizeFunctionOnNextCall(f)', 'f')
const statusOf = call('return %GetOptimizationStatus(f)', 'f')

/** The bits that tell code of the optimising compiler from others: they move between versions, so a function that has such code says which. */
function optimisedBits(): number {
  const sample = (): number => 1
  prepare(sample)
  sample()
  const before = statusOf(sample)
  optimize(sample)
  sample()
  return statusOf(sample) & ~before
}

const BITS = optimisedBits()
if (BITS === 0) throw new Error('No function is ever optimised here')

/** Whether the function has code of the optimising compiler (TurboFan), or one of those that call it, which it may be a part of then. */
export function isOptimised(f: unknown, ...callers: unknown[]): boolean {
  return [f, ...callers].some((one) => (statusOf(one) & BITS) === BITS)
}
