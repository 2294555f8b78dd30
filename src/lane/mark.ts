import { COMPLETED } from './outcome.ts'

/**
 * The mark of a record: a word that its reader writes, by plain stores; the next reader sees them through the lease.
 *
 * ```
 * bits 0–3    its outcome, 0 while it has none
 * bit 4       begun: handlers have it now; if their worker dies, it may be why
 * bit 5       offered to mailboxes, which may have it
 * bits 6–13   deaths: how often a worker died while it was begun
 * bits 14–31  attempts: how often it was begun
 * ```
 */
const OUTCOME_MASK = 0xf
const BEGUN = 1 << 4
const OFFERED = 1 << 5
const DEATH = 1 << 6
const ATTEMPT = 1 << 14

export const MAX_DEATHS = 255
/** More are not counted. */
export const MAX_ATTEMPTS = 2 ** 18 - 1

export function outcomeOf(mark: number): number {
  return mark & OUTCOME_MASK
}

export function withOutcome(mark: number, outcome: number): number {
  return mark | outcome
}

export function attemptsOf(mark: number): number {
  return mark >>> 14
}

export function deathsOf(mark: number): number {
  return (mark >>> 6) & MAX_DEATHS
}

/** Begun, and without an outcome: whoever read it last died meanwhile. */
export function isSuspect(mark: number): boolean {
  return (mark & (BEGUN | OUTCOME_MASK)) === BEGUN
}

/** The mark of a suspect once the death is counted. */
export function withDeath(mark: number): number {
  return deathsOf(mark) < MAX_DEATHS ? (mark & ~BEGUN) + DEATH : mark & ~BEGUN
}

/** The record at `at` is about to be handled, for the nth time. */
export function begin(words: Int32Array, at: number, attempts: number): void {
  const markWord = (at >> 2) - 1
  const mark = words[markWord]!
  const all = Math.max(attemptsOf(mark), Math.min(attempts, MAX_ATTEMPTS))
  words[markWord] = (mark & (ATTEMPT - 1)) | BEGUN | (all * ATTEMPT)
}

/** The same for the first time. */
export function beginFirst(words: Int32Array, at: number): void {
  words[(at >> 2) - 1] = BEGUN | ATTEMPT
}

/** And it is completed: with `completed`, the outcome. */
export function completeFirst(words: Int32Array, at: number): void {
  words[(at >> 2) - 1] = BEGUN | ATTEMPT | COMPLETED
}

/** No handler has it now: it waits, for a mailbox or its next attempt. */
export function rest(words: Int32Array, at: number): void {
  const markWord = (at >> 2) - 1
  words[markWord] = words[markWord]! & ~BEGUN
}

/** It is about to be offered to mailboxes. */
export function offer(words: Int32Array, at: number): void {
  const markWord = (at >> 2) - 1
  words[markWord] = words[markWord]! | OFFERED
}
