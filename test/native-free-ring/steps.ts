const OPERATIONS = ['load', 'store', 'compareExchange', 'exchange', 'add'] as const

class Death extends Error {}

/** Runs `life`, and before its nth operation on shared words, `event`. Answers 1 if it came to that, else 0. */
export function beforeStep(step: number, life: () => void, event: () => void): number {
  const atomics = Atomics as any
  const originals = OPERATIONS.map((name) => atomics[name])
  const restore = () => {
    OPERATIONS.forEach((name, index) => {
      atomics[name] = originals[index]
    })
  }
  let steps = 0
  OPERATIONS.forEach((name, index) => {
    atomics[name] = (...operands: unknown[]) => {
      if (steps++ === step) {
        restore()
        event()
      }
      return originals[index](...operands)
    }
  })
  try {
    life()
  } finally {
    restore()
  }
  return steps > step ? 1 : 0
}

/** The same, and there it dies. */
export function dyingAt(step: number, life: () => void): number {
  try {
    return beforeStep(step, life, () => {
      throw new Death()
    })
  } catch (error) {
    if (error instanceof Death) return 1
    throw error
  }
}
