import { expect, test } from 'vitest'
import { Parking } from '../../native-free-ring/src/index.ts'
import { Drains } from '../../src/engine/drains.ts'
import { ClosedError } from '../../src/index.ts'
import { STATE, STOPPED } from '../../src/lane/map.ts'
import { Waits } from '../../src/lane/waits.ts'

/** Drains of an engine that is quiet whenever the next of these answers says so. */
function drains(answers: boolean[]): { drains: Drains; control: Int32Array } {
  const control = new Int32Array(new SharedArrayBuffer(1_024))
  const waits = new Waits(new Parking(control, 128), { drive: true })
  return { drains: new Drains(control, waits, () => answers.shift() ?? false), control }
}

test('a drain has ended once nothing was pending, whatever begins in the same moment', async () => {
  // Not when it is called; for one look; and not for the next.
  await drains([false, true, false]).drains.wait({})
})

test('a drain of an engine that has stopped, and left something, fails', async () => {
  const { drains: waiting, control } = drains([])
  const drained = waiting.wait({})
  Atomics.store(control, STATE, STOPPED)
  await expect(drained).rejects.toThrow(ClosedError)
})
