import type * as Ring from '../../native-free-ring/src/index.ts'
import { putBack, type Snapshot, takeSnapshot } from './snapshot.ts'
import { type Operation, withMemory } from './traced.ts'

/** The code under test, as it is or with a mistake in it. */
export type RingModule = typeof Ring

/**
 * One thread of a scenario: its objects, and what it does with them, phase by phase.
 *
 * A phase answers the number of the phase that follows, or nothing for the next. Between phases the thread's state is what
 * stands in its objects, so equal states are one, however they came about. Phases must not keep anything elsewhere.
 */
export type Program<Self extends object> = {
  readonly name: string
  /** Makes the objects. Loads answer 0 here and stores do nothing: begin with what resumes. */
  make(): Self
  // biome-ignore lint/suspicious/noConfusingVoidType: most phases answer nothing
  readonly phases: readonly ((self: Self) => number | undefined | void)[]
  /** It may die before any of its operations. */
  readonly mortal?: boolean
  /** Starts only after this thread has died or ended; it is told which. */
  readonly after?: string
}

export type Scenario = {
  readonly name: string
  readonly programs: readonly Program<any>[]
  /** What memory holds at first, if not zeroes; written through the code itself. */
  prepare?(): void
  /** When all have ended: throws if memory is not as it should be. */
  check?(): void
  /** Plain stores may be seen late and out of order, and loads may be early, as the memory model allows. */
  readonly weak?: boolean
}

export type Outcome = {
  readonly states: number
  readonly steps: number
  readonly violation: Violation | undefined
}

export type Violation = { readonly message: string; readonly path: readonly string[] }

/** Stops a replay where its log ends. */
class Pause {
  readonly operation: Operation
  constructor(operation: Operation) {
    this.operation = operation
  }
}

type Next =
  | { readonly kind: 'operation'; readonly operation: Operation }
  | { readonly kind: 'phase'; readonly phase: number; readonly state: State }
  | { readonly kind: 'failure'; readonly message: string }

/** A private state between phases. */
type State = { readonly id: number; readonly snapshot: Snapshot }

/** A place in the tree of what a thread may do: the phase it is in, the state it began with, what it was answered since. */
type Node = {
  readonly id: number
  readonly phase: number
  readonly state: State
  readonly answers: readonly number[]
  readonly children: Map<number, Node>
  next: Next | undefined
}

/** Where threads are that have nothing more to do. */
const NOWHERE: Node = {
  id: -1,
  phase: -1,
  state: { id: -1, snapshot: [] },
  answers: [],
  children: new Map(),
  next: undefined,
}

const RUNNING = 0
const WAITING = 1
const ENDED = 2
const DEAD = 3

/** A store that has been made and is not seen yet. */
type Pending = { readonly word: number; readonly value: number; readonly atomic: boolean }

type Thread = {
  readonly status: number
  readonly node: Node
  /** The word that it waits on. */
  readonly word: number
  readonly pending: readonly Pending[]
  /** Values that it may still load although they were overwritten, by word, the oldest first. */
  readonly stale: ReadonlyMap<number, readonly number[]>
}

type World = {
  readonly memory: Int32Array
  readonly threads: readonly Thread[]
  readonly parent: World | undefined
  readonly step: string
}

const NO_STALE: ReadonlyMap<number, readonly number[]> = new Map()

/** Goes through every interleaving of a scenario, each state once. */
export class Explorer {
  private readonly scenario: Scenario
  private readonly selves: object[]
  private readonly first: Snapshot[]
  private readonly limit: number
  private readonly nodes: Map<string, Node>[] = []
  private readonly states: Map<string, State>[] = []
  private nodeCount = 0
  private steps = 0
  /** Words that were touched, as small numbers; who touched each; and which are known to be shared. */
  private slots = new Map<number, number>()
  private owners: number[] = []
  private readonly shared = new Set<number>()

  constructor(scenario: Scenario, limit = 500_000) {
    this.scenario = scenario
    this.limit = limit
    this.selves = scenario.programs.map((program) =>
      withMemory(
        () => 0,
        () => program.make(),
      ),
    )
    this.first = this.selves.map(takeSnapshot)
    for (const _ of scenario.programs) {
      this.nodes.push(new Map())
      this.states.push(new Map())
    }
  }

  /**
   * Operations on words that only one thread touches are not interleaved. Which those are is found out: when a second thread
   * comes to one, it begins again.
   */
  explore(): Outcome {
    for (let walks = 0; ; ) {
      try {
        // Cheaper than to find them out late.
        while (walks < WALKS) this.walk(walks++)
        return this.exploreOnce()
      } catch (error) {
        if (!(error instanceof Shared)) throw error
        this.shared.add(error.word)
      }
    }
  }

  /** One way through, by chance. */
  private walk(seed: number): void {
    let world = this.begin()
    let random = seed
    for (let i = 0; i < MAX_WALK; i++) {
      let worlds: World[] = []
      try {
        worlds = [...this.successors(world)]
      } catch (error) {
        if (!(error instanceof Wrong)) throw error
      }
      if (worlds.length === 0) return
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
      world = worlds[(random >>> 8) % worlds.length]!
    }
  }

  private exploreOnce(): Outcome {
    const first = this.begin()
    const numbers = new Map<string, number>([[keyOf(first), 0]])
    const worlds = [first]
    /** From which states each state is reached. */
    const before: number[][] = [[]]
    const ends: number[] = []
    try {
      for (let number = 0; number < worlds.length; number++) {
        const { steps } = this
        for (const next of this.successors(worlds[number]!)) {
          const key = keyOf(next)
          const known = numbers.get(key)
          if (known !== undefined) {
            before[known]!.push(number)
            continue
          }
          if (worlds.length >= this.limit)
            throw new Error(`${this.scenario.name}: more than ${this.limit} states`)
          numbers.set(key, worlds.length)
          worlds.push(next)
          before.push([number])
        }
        if (this.steps === steps) ends.push(number)
      }
      this.checkProgress(worlds, before, ends)
    } catch (error) {
      if (!(error instanceof Wrong)) throw error
      return {
        states: worlds.length,
        steps: this.steps,
        violation: { message: error.message, path: pathOf(error.world) },
      }
    }
    return { states: worlds.length, steps: this.steps, violation: undefined }
  }

  /** From every state an end can be reached. */
  private checkProgress(
    worlds: readonly World[],
    before: readonly number[][],
    ends: readonly number[],
  ): void {
    const reaches = new Uint8Array(worlds.length)
    const stack = [...ends]
    for (const end of ends) reaches[end] = 1
    for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
      for (const earlier of before[state]!) {
        if (reaches[earlier] === 1) continue
        reaches[earlier] = 1
        stack.push(earlier)
      }
    }
    const stuck = reaches.indexOf(0)
    if (stuck >= 0) throw new Wrong('from here it never comes to an end', worlds[stuck]!)
  }

  private begin(): World {
    this.slots = new Map()
    this.owners = []
    this.steps = 0
    const memory = new Int32Array(MAX_SLOTS)
    const { prepare } = this.scenario
    if (prepare !== undefined) this.directly(memory, prepare)
    const threads = this.scenario.programs.map((_, index): Thread => {
      const node = this.nodeAt(index, 0, this.stateOf(index, this.first[index]!))
      return { status: RUNNING, node, word: -1, pending: [], stale: NO_STALE }
    })
    return { memory, threads, parent: undefined, step: 'start' }
  }

  private *successors(world: World): Generator<World> {
    let live = 0
    let found = 0
    for (let index = 0; index < world.threads.length; index++) {
      const thread = world.threads[index]!
      if (thread.status === RUNNING || thread.status === WAITING) live++
      for (const next of this.stepsOf(world, index)) {
        found++
        this.steps++
        yield next
      }
    }
    if (found > 0) return
    if (live > 0) throw new Wrong('nobody can go on: a wake-up was lost, or a thread waits for ever', world)
    this.checkEnd(world)
  }

  private *stepsOf(world: World, index: number): Generator<World> {
    const thread = world.threads[index]!
    const program = this.scenario.programs[index]!
    for (let i = 0; i < thread.pending.length; i++) {
      if (mayBeSeen(thread.pending, i)) yield this.see(world, index, i)
    }
    if (thread.status !== RUNNING || !this.mayStart(world, program)) return
    if (program.mortal && !world.threads.some(({ status }) => status === DEAD)) {
      yield with_(world, index, { status: DEAD, node: NOWHERE, stale: NO_STALE }, `${program.name} dies`)
    }
    let at = world
    const begun = new Set<Node>()
    for (;;) {
      const next = this.nextOf(at.threads[index]!.node, index)
      if (next.kind === 'failure') throw new Wrong(`${program.name}: ${next.message}`, at)
      if (next.kind === 'operation') {
        const { kind, word } = next.operation
        // Whoever waits waits for another.
        if (kind === 'wait' || !this.isPrivate(word, index)) {
          yield* this.operate(at, index, next.operation)
          return
        }
        at = this.doAlone(at, index, next.operation)
        continue
      }
      const node = this.nodeAt(index, next.phase, next.state)
      const step = `${program.name}: phase ${next.phase}`
      if (next.phase >= program.phases.length) {
        yield with_(at, index, { node: NOWHERE, status: ENDED, stale: NO_STALE }, step)
        return
      }
      // It goes round without touching anything shared.
      if (begun.has(node)) return
      begun.add(node)
      at = with_(at, index, { node }, step)
    }
  }

  private isPrivate(word: number, index: number): boolean {
    if (this.shared.has(word)) return false
    const slot = this.slotOf(word)
    this.owners[slot] ??= index
    if (this.owners[slot] !== index) throw new Shared(word)
    return true
  }

  /** An operation that concerns nobody else; an atomic one is a fence all the same. */
  private doAlone(world: World, index: number, { kind, word, atomic, value, expected }: Operation): World {
    const slot = this.slotOf(word)
    const before = world.memory[slot]!
    const thread = world.threads[index]!
    const answer = this.answered(thread, kind === 'store' ? 0 : before)
    const next = with_(world, index, { ...answer, stale: atomic ? NO_STALE : thread.stale }, '')
    const after = changed(kind, before, value, expected)
    if (after === before) return next
    const memory = world.memory.slice()
    memory[slot] = after
    return { ...next, memory }
  }

  private slotOf(word: number): number {
    let slot = this.slots.get(word)
    if (slot === undefined) {
      slot = this.slots.size
      if (slot >= MAX_SLOTS) throw new Error(`${this.scenario.name} touches more than ${MAX_SLOTS} words`)
      this.slots.set(word, slot)
    }
    return slot
  }

  /** All that may come of an operation. */
  private *operate(world: World, index: number, operation: Operation): Generator<World> {
    const { weak = false } = this.scenario
    const thread = world.threads[index]!
    const { kind, word, atomic, value, expected } = operation
    const name = `${this.scenario.programs[index]!.name}: ${describe(operation)}`
    if (weak && kind === 'store') {
      // How far a store may be put off. More finds nothing else, and takes for ever.
      if (thread.pending.length >= MAX_PENDING) return
      const pending = [...thread.pending, { word, value, atomic }]
      yield with_(world, index, { ...this.answered(thread, 0), pending }, name)
      return
    }
    if (kind === 'load') {
      // Its own stores are seen at once; an atomic load comes after its earlier atomic stores.
      if (atomic && thread.pending.some((each) => each.atomic)) return
      const own = thread.pending.findLast((each) => each.word === word)
      const values =
        own === undefined
          ? [...(thread.stale.get(word) ?? []), world.memory[this.slotOf(word)]!]
          : [own.value]
      for (const [age, seen] of values.entries()) {
        let stale = thread.stale
        if (atomic) stale = NO_STALE
        else if (stale.has(word)) stale = new Map([...stale, [word, stale.get(word)!.slice(age)]])
        yield with_(world, index, { ...this.answered(thread, seen), stale }, `${name} = ${seen}`)
      }
      return
    }
    // A change, or a wait: comes after all of its own stores.
    if (thread.pending.length > 0) return
    const before = world.memory[this.slotOf(word)]!
    if (kind === 'wait') {
      if (before !== expected) yield with_(world, index, this.answered(thread, 1), `${name}: not equal`)
      else yield with_(world, index, { status: WAITING, word }, `${name}: waits`)
      return
    }
    if (kind === 'notify') {
      const threads = world.threads.map((other, at): Thread => {
        if (at === index) return { ...thread, ...this.answered(thread, 0) }
        if (other.status !== WAITING || other.word !== word) return other
        return { ...other, status: RUNNING, word: -1, ...this.answered(other, 0) }
      })
      yield { memory: world.memory, threads, parent: world, step: name }
      return
    }
    const after = changed(kind, before, value, expected)
    const moved = with_(
      world,
      index,
      { ...this.answered(thread, before), stale: NO_STALE },
      `${name} was ${before}`,
    )
    yield after === before ? moved : this.write(moved, index, word, after)
  }

  /** A pending store becomes visible. */
  private see(world: World, index: number, at: number): World {
    const thread = world.threads[index]!
    const { word, value, atomic } = thread.pending[at]!
    // What it loads after an atomic store, it loads after that was seen.
    const stale = atomic ? NO_STALE : thread.stale
    const pending = thread.pending.filter((_, i) => i !== at)
    const name = `${this.scenario.programs[index]!.name}: store of ${value} to ${word} is seen`
    return this.write(with_(world, index, { pending, stale }, name), index, word, value)
  }

  private write(world: World, index: number, word: number, value: number): World {
    const memory = world.memory.slice()
    const slot = this.slotOf(word)
    const before = memory[slot]!
    memory[slot] = value
    if (!this.scenario.weak || before === value) return { ...world, memory }
    const threads = world.threads.map((other, at): Thread => {
      if (at === index || other.status > WAITING) return other
      return {
        ...other,
        stale: new Map([...other.stale, [word, [...(other.stale.get(word) ?? []), before]]]),
      }
    })
    return { ...world, memory, threads }
  }

  private answered({ node }: Thread, answer: number): Pick<Thread, 'node'> {
    let child = node.children.get(answer)
    if (child === undefined) {
      child = this.newNode(node.phase, node.state, [...node.answers, answer])
      node.children.set(answer, child)
    }
    return { node: child }
  }

  private mayStart(world: World, program: Program<any>): boolean {
    if (program.after === undefined) return true
    const before = this.scenario.programs.findIndex(({ name }) => name === program.after)
    const { status, pending } = world.threads[before]!
    return status >= ENDED && pending.length === 0
  }

  /** What the thread does next: found by doing again all it did in this phase. */
  private nextOf(node: Node, index: number): Next {
    if (node.next !== undefined) return node.next
    const program = this.scenario.programs[index]!
    const self = this.selves[index]!
    putBack(self, node.state.snapshot)
    let at = 0
    const answer = (operation: Operation): number => {
      if (at < node.answers.length) return node.answers[at++]!
      if (at > MAX_ANSWERS) throw new Error('goes round for ever')
      throw new Pause(operation)
    }
    try {
      const phase = withMemory(answer, () => program.phases[node.phase]!(self)) ?? node.phase + 1
      node.next = { kind: 'phase', phase, state: this.stateOf(index, takeSnapshot(self)) }
    } catch (error) {
      if (error instanceof Pause) node.next = { kind: 'operation', operation: error.operation }
      else node.next = { kind: 'failure', message: error instanceof Error ? error.message : String(error) }
    }
    return node.next
  }

  private checkEnd(world: World): void {
    const { check } = this.scenario
    if (check === undefined) return
    try {
      this.directly(world.memory.slice(), check)
    } catch (error) {
      throw new Wrong(error instanceof Error ? error.message : String(error), world)
    }
  }

  /** Code that nobody interrupts. */
  private directly(memory: Int32Array, run: () => void): void {
    let left = MAX_DIRECT
    withMemory(({ kind, word, value, expected }) => {
      if (left-- === 0) throw new Error('goes round for ever')
      const slot = this.slotOf(word)
      const before = memory[slot]!
      memory[slot] = changed(kind, before, value, expected)
      return before
    }, run)
  }

  private stateOf(index: number, snapshot: Snapshot): State {
    const key = JSON.stringify(snapshot)
    let state = this.states[index]!.get(key)
    if (state === undefined) {
      state = { id: this.states[index]!.size, snapshot }
      this.states[index]!.set(key, state)
    }
    return state
  }

  private nodeAt(index: number, phase: number, state: State): Node {
    const key = `${phase} ${state.id}`
    let node = this.nodes[index]!.get(key)
    if (node === undefined) {
      node = this.newNode(phase, state, [])
      this.nodes[index]!.set(key, node)
    }
    return node
  }

  private newNode(phase: number, state: State, answers: readonly number[]): Node {
    return { id: this.nodeCount++, phase, state, answers, children: new Map(), next: undefined }
  }
}

const MAX_PENDING = 3

/** Operations of one phase, and of code that nobody interrupts. */
const MAX_ANSWERS = 500
const MAX_DIRECT = 10_000

const WALKS = 100
const MAX_WALK = 2_000

/** More words than a scenario may touch. */
const MAX_SLOTS = 192

/** A word that a second thread has come to. */
class Shared extends Error {
  readonly word: number
  constructor(word: number) {
    super()
    this.word = word
  }
}

/** What is wrong, and where it showed. */
class Wrong extends Error {
  readonly world: World
  constructor(message: string, world: World) {
    super(message)
    this.world = world
  }
}

/** Stores to one word stay in order; an atomic one comes after all that were made before it. */
function mayBeSeen(pending: readonly Pending[], at: number): boolean {
  const { word, atomic } = pending[at]!
  for (let i = 0; i < at; i++) if (atomic || pending[i]!.word === word) return false
  return true
}

function changed(kind: Operation['kind'], before: number, value: number, expected: number): number {
  switch (kind) {
    case 'store':
    case 'exchange':
      return value
    case 'add':
      return (before + value) | 0
    case 'or':
      return before | value
    case 'compareExchange':
      return before === expected ? value : before
    default:
      return before
  }
}

function with_(world: World, index: number, change: Partial<Thread>, step: string): World {
  const threads = world.threads.slice()
  threads[index] = { ...threads[index]!, ...change }
  return { memory: world.memory, threads, parent: world, step }
}

function keyOf({ memory, threads }: World): string {
  let key = String.fromCharCode(...new Uint16Array(memory.buffer, memory.byteOffset, memory.length * 2))
  for (const { status, node, word, pending, stale } of threads) {
    key += `|${status},${node.id},${word}`
    for (const each of pending) key += `;${each.word}=${each.value}${each.atomic ? '!' : ''}`
    if (stale.size > 0) key += [...stale].sort(([a], [b]) => a - b).join('~')
  }
  return key
}

function describe({ kind, word, atomic, value, expected }: Operation): string {
  const name = atomic ? `Atomics.${kind}` : kind
  if (kind === 'compareExchange') return `${name}(${word}, ${expected}, ${value})`
  return kind === 'load' || kind === 'notify' ? `${name}(${word})` : `${name}(${word}, ${value})`
}

function pathOf(world: World): string[] {
  const path: string[] = []
  for (let at: World | undefined = world; at !== undefined; at = at.parent)
    if (at.step !== '') path.push(at.step)
  return path.reverse()
}
