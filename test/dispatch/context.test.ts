import { expect, test } from 'vitest'
import { AttemptContext } from '../../src/dispatch/attempt-context.ts'
import { EventContext, type RecordSource, type WorkerScope } from '../../src/dispatch/context.ts'
import { isSuspect } from '../../src/lane/mark.ts'

/** A context of a record whose mark is `words[0]`. */
function context() {
  const words = new Int32Array(2)
  const scope: WorkerScope = {
    workerId: 1,
    isCancelled: () => false,
    controllers: new Set(),
    waiting: 0,
    watch() {},
    onWaiting() {},
  }
  const origin = { words, flown: 0 } as RecordSource
  const whole = new EventContext(scope, origin, 4, 1)
  return { scope, whole, isSuspect: () => isSuspect(words[0]!) }
}

function attemptOf(whole: EventContext, scope: WorkerScope): AttemptContext {
  const limits = { number: 1, signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY }
  return new AttemptContext(scope, whole, limits)
}

test('an event waits while any of its sends does', () => {
  const { scope, whole } = context()
  whole.beginWait()
  whole.beginWait()
  expect(scope.waiting).toBe(1)
  whole.endWait()
  expect(scope.waiting).toBe(1)
  whole.endWait()
  expect(scope.waiting).toBe(0)
})

test('one that has settled does not, whatever its sends do', () => {
  const { scope, whole } = context()
  whole.beginWait()
  whole.settle()
  expect(scope.waiting).toBe(0)
  whole.endWait()
  expect(scope.waiting).toBe(0)
  const other = context()
  other.whole.settle()
  other.whole.beginWait()
  expect(other.scope.waiting).toBe(0)
})

test('nor does one whose attempt is over', () => {
  const { scope, whole } = context()
  const attempt = attemptOf(whole, scope)
  whole.goOn()
  attempt.beginWait()
  expect(scope.waiting).toBe(1)
  attempt.ended()
  expect(scope.waiting).toBe(0)
  attempt.endWait()
  attempt.beginWait()
  expect([scope.waiting, whole.waiting]).toEqual([0, 0])
})

test('a record is suspect from when a handler is called until none goes on', () => {
  const { whole, isSuspect } = context()
  whole.begin(1)
  whole.goOn()
  whole.goOn()
  whole.ended()
  whole.rest()
  expect(isSuspect()).toBe(true)
  whole.ended()
  expect(isSuspect()).toBe(false)
  whole.begin(2)
  expect(isSuspect()).toBe(true)
  whole.rest()
  expect(isSuspect()).toBe(false)
})
