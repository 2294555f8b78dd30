import type { Engine, EngineStats } from '../../src/index.ts'
import type { Entry, Kind } from './history.ts'

export type Promises = {
  readonly delivery: 'at-most-once' | 'at-least-once' | 'effectively-once'
  readonly affinity: 'sticky' | 'balanced'
  /** Whether the policy at full lanes drops events. */
  readonly drops: boolean
  /** Whether events also go to subscriptions: then one may be in flight although its handler has ended. */
  readonly mailboxes: boolean
}

/**
 * Many handlers may end in one turn of an event loop, before the engine has said so of any; but then it says so of all before it starts
 * others. Of how many it may not.
 */
const UNSAID = 2

/** What is known beside the history, when all is at rest. */
export type Rest = Pick<
  EngineStats,
  | 'accepted'
  | 'completed'
  | 'dropped'
  | 'deadLettered'
  | 'expired'
  | 'unmatched'
  | 'pending'
  | 'balanced'
  | 'blocks'
> & {
  /** The ids of events that became dead letters. */
  readonly letters: readonly string[]
}

export function restOf(engine: Engine<any>): Rest {
  // Not by their data, which may have had to go: their block was needed for others.
  const letters = engine.deadLetters.list().map(({ event }) => event.id)
  // Else they would be in use.
  engine.deadLetters.discard()
  return { ...engine.stats(), letters }
}

/** All of one event, in order. */
type Life = {
  readonly name: string
  readonly entries: Entry[]
  accepted: boolean
  refused: boolean
  published: boolean
  /** It is a request. */
  asked: boolean
}

/** Checks a whole history against what contract sections 5 and 6 promise; answers what is broken, in words. */
export function check(history: readonly Entry[], rest: Rest, promises: Promises): string[] {
  const lives = livesOf(history)
  return [
    ...checkLedger(rest),
    ...checkBlocks(rest),
    ...[...lives.values()].flatMap((life) => checkLife(life, promises)),
    ...[...lives.values()].filter(({ asked }) => asked).flatMap(checkAnswers),
    ...checkLosses([...lives.values()], rest, promises),
    ...checkRepeats(history, promises),
    ...checkOrder(history),
    ...checkLanes(history),
    ...(promises.affinity === 'sticky' ? checkAffinity(history) : []),
  ]
}

/** What names an event: its id, too. */
export const idOf = ({ publisher, number }: { publisher: number; number: number }): string =>
  `${publisher}/${number}`

const PRIORITIES = ['normal', 'high', 'low'] as const

/** Every fourth has handlers in two pools. */
export function typeOf(number: number): 'kill.event' | 'kill.copied' {
  return number % 4 === 0 ? 'kill.copied' : 'kill.event'
}

/** Events of one key have one priority: only then their order is promised. */
export function priorityOf(key: number): (typeof PRIORITIES)[number] {
  return PRIORITIES[Math.abs(key) % 3]!
}

const OF_NO_EVENT: ReadonlySet<Kind> = new Set(['death', 'gain', 'lose', 'change'])

function livesOf(history: readonly Entry[]): Map<string, Life> {
  const lives = new Map<string, Life>()
  for (const entry of history) {
    if (OF_NO_EVENT.has(entry.kind)) continue
    const name = idOf(entry)
    const life = lives.get(name) ?? newLife(name)
    lives.set(name, life)
    life.entries.push(entry)
    life.asked ||= entry.kind === 'ask'
    life.published ||= entry.kind === 'publish' || entry.kind === 'ask'
    // Of a request nothing is said before its answer; an error may say that it never was.
    life.accepted ||= entry.kind === 'accept' || entry.kind === 'result'
    life.refused ||= entry.kind === 'refuse'
  }
  return lives
}

function newLife(name: string): Life {
  return { name, entries: [], accepted: false, refused: false, published: false, asked: false }
}

/** A request: answered once, and with a result only after it was handled to its end. */
function checkAnswers({ name, entries }: Life): string[] {
  const wrong: string[] = []
  const answers = entries.filter(({ kind }) => kind === 'result' || kind === 'error')
  if (answers.length !== 1) wrong.push(`${name} was asked, and answered ${answers.length} times`)
  const result = entries.findIndex(({ kind }) => kind === 'result')
  if (result >= 0 && !entries.slice(0, result).some(({ kind }) => kind === 'end'))
    wrong.push(`${name} was answered before it was handled`)
  return wrong
}

function checkLedger(rest: Rest): string[] {
  const { accepted, completed, unmatched, dropped, expired, deadLettered, pending, balanced } = rest
  const wrong: string[] = []
  if (!balanced) wrong.push('the ledger does not balance')
  if (pending !== 0) wrong.push(`${pending} events are pending for ever`)
  const sum = completed + unmatched + dropped + expired + deadLettered + pending
  if (accepted !== sum) wrong.push(`accepted ${accepted}, dealt with ${sum}`)
  return wrong
}

/** Once mailboxes are empty. */
function checkBlocks({ blocks }: Rest): string[] {
  return blocks.usedBytes === 0 ? [] : [`${blocks.usedBytes} bytes lie in blocks for ever`]
}

/** One event: published before it was handled, not handled after it was refused, attempts counted. */
function checkLife(life: Life, { delivery }: Promises): string[] {
  const { name, entries, accepted, refused, published } = life
  const wrong: string[] = []
  const starts = entries.filter(({ kind }) => kind === 'start')
  if (starts.length > 0 && !published) wrong.push(`${name} was handled and never published`)
  if (starts.length > 0 && refused)
    wrong.push(`${name} was handled, and its publisher was told that it is not accepted`)
  if (starts.length > 0 && published && entries[0]!.kind !== 'publish' && entries[0]!.kind !== 'ask')
    wrong.push(`${name} was handled before it was published`)
  if (accepted && refused) wrong.push(`${name} was accepted and refused`)
  if (delivery === 'at-most-once' && starts.length > 1)
    wrong.push(`${name} was started ${starts.length} times at most once`)
  starts.forEach(({ attempt }, index) => {
    const before = index === 0 ? 0 : starts[index - 1]!.attempt
    // A worker may die after it has counted an attempt, and before the handler runs.
    if (attempt <= before) wrong.push(`${name}: attempt ${attempt} comes after attempt ${before}`)
  })
  return wrong
}

/** What was accepted was handled to its end, or is a dead letter; where events may be dropped, the ledger counts at least as many as are missing. */
function checkLosses(lives: readonly Life[], rest: Rest, { delivery, drops }: Promises): string[] {
  const letters = new Set(rest.letters)
  const lost = lives.filter(({ name, accepted, entries }) => {
    return accepted && !letters.has(name) && !entries.some(({ kind }) => kind === 'end')
  })
  if (!drops && delivery !== 'at-most-once') return lost.map(({ name }) => `${name} was accepted and lost`)
  if (lost.length <= rest.dropped) return []
  return [`${lost.length} events were accepted and lost, and ${rest.dropped} dropped`]
}

/** An event is started again only if the thread that had it in its hands has died; of those that it had ended before it started others, only what it could not say. */
function checkRepeats(history: readonly Entry[], { mailboxes }: Promises): string[] {
  const wrong: string[] = []
  const diedAt = deathsOf(history)
  const last = new Map<string, Entry>()
  const endedAt = new Map<string, number>()
  const lastStart = new Map<number, number>()
  history.forEach(({ kind, thread }, index) => {
    if (kind === 'start') lastStart.set(thread, index)
  })
  const unsaid = new Map<number, number>()
  history.forEach((entry, index) => {
    const name = idOf(entry)
    if (entry.kind === 'end') endedAt.set(name, index)
    if (entry.kind !== 'start') return
    const before = last.get(name)
    last.set(name, entry)
    if (before === undefined) return
    const death = diedAt.get(before.thread)
    if (death === undefined || death > index)
      wrong.push(`${name} was started again, and the thread that had it lives`)
    if (endedAt.get(name)! < lastStart.get(before.thread)!)
      unsaid.set(before.thread, (unsaid.get(before.thread) ?? 0) + 1)
  })
  if (mailboxes) return wrong
  for (const [thread, count] of unsaid) {
    if (count > UNSAID) wrong.push(`${count} events that thread ${thread} had ended were started again`)
  }
  return wrong
}

/** Of one publisher and key: one after the other, in the order of publishing, through deaths. */
function checkOrder(history: readonly Entry[]): string[] {
  const wrong: string[] = []
  const diedAt = deathsOf(history)
  const open = new Map<string, Entry>()
  const latest = new Map<string, number>()
  history.forEach((entry, index) => {
    if (entry.key < 0) return
    const flow = `publisher ${entry.publisher}, key ${entry.key}`
    if (entry.kind === 'start') {
      const running = open.get(flow)
      const death = running === undefined ? undefined : diedAt.get(running.thread)
      if (running !== undefined && (death === undefined || death > index)) {
        wrong.push(`${flow}: ${entry.number} started while ${running.number} was being handled`)
      }
      const before = latest.get(flow) ?? -1
      if (entry.number < before) wrong.push(`${flow}: ${entry.number} started after ${before}`)
      latest.set(flow, Math.max(before, entry.number))
      open.set(flow, entry)
    }
    if (
      entry.kind === 'end' &&
      open.get(flow)?.number === entry.number &&
      open.get(flow)?.thread === entry.thread
    ) {
      open.delete(flow)
    }
  })
  return wrong
}

/** A lane is had by one thread at a time, which was told so, and which alone handles its events. */
function checkLanes(history: readonly Entry[]): string[] {
  const wrong: string[] = []
  const diedAt = deathsOf(history)
  const holders = new Map<number, number | 'nobody'>()
  history.forEach(({ kind, lane, thread }, index) => {
    if (lane === undefined) return
    const holder = holders.get(lane)
    if (kind === 'gain') {
      const isHeld = typeof holder === 'number' && (diedAt.get(holder) ?? Number.POSITIVE_INFINITY) > index
      if (isHeld) wrong.push(`lane ${lane} was gained by thread ${thread}, and thread ${holder} has it`)
      holders.set(lane, thread)
      return
    }
    // What was gained before the history begins is not known.
    if (holder !== undefined && holder !== thread)
      wrong.push(`lane ${lane}: ${kind} by thread ${thread}, and ${holder} has it`)
    holders.set(lane, kind === 'lose' ? 'nobody' : thread)
  })
  return wrong
}

/** A key stays with its thread while that lives, or moves once for each time that workers were added or removed. */
function checkAffinity(history: readonly Entry[]): string[] {
  const wrong: string[] = []
  const diedAt = deathsOf(history)
  const homes = new Map<number, number>()
  const moves = new Map<number, number>()
  let changes = 0
  history.forEach((entry, index) => {
    if (entry.kind === 'change') changes++
    if (entry.kind !== 'start' || entry.key < 0) return
    const home = homes.get(entry.key)
    homes.set(entry.key, entry.thread)
    if (home === undefined || home === entry.thread) return
    const death = diedAt.get(home)
    if (death !== undefined && death <= index) return
    const moved = (moves.get(entry.key) ?? 0) + 1
    moves.set(entry.key, moved)
    if (moved > changes) wrong.push(`key ${entry.key} left thread ${home}, which lives`)
  })
  return wrong
}

/** Where in the history each dead thread began to die. */
function deathsOf(history: readonly Entry[]): Map<number, number> {
  const deaths = new Map<number, number>()
  history.forEach(({ kind, thread }, index) => {
    if (kind === 'death') deaths.set(thread, index)
  })
  return deaths
}
