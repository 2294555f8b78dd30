import { PatternError } from '../errors.ts'
import { AffixMap } from './affix-map.ts'
import { type ParsedPattern, type PatternSegment, parsePattern } from './pattern.ts'
import { SegmentNode } from './segment-node.ts'

interface Entry<T> {
  readonly value: T
  /** The place in the order of addition. */
  readonly order: number
  /** Takes one alternative of one of its patterns out of the index. */
  readonly undo: (() => void)[]
  /** The match that found it last, so that several patterns of one entry count once. */
  foundIn: number
}

interface RegexPlace<T> {
  readonly expression: RegExp
  readonly entries: Set<Entry<T>>
}

/**
 * Finds the values whose patterns match a topic, without trying the patterns one by one.
 *
 * Topics are taken as they are; ones that `checkTopic` would refuse get an arbitrary answer, never an error.
 *
 * ```ts
 * const index = new PatternIndex<string>()
 * index.add(['image.*', '**.error'], 'audit')
 * index.match('image.error') // ['audit']
 * ```
 */
export class PatternIndex<T> {
  readonly #entries = new Map<T, Entry<T>>()
  readonly #root = new SegmentNode<Entry<T>>()
  readonly #prefixes = new AffixMap<Set<Entry<T>>>()
  readonly #regexes = new Map<string, RegexPlace<T>>()
  #order = 0
  #matches = 0

  /** How many values the index holds. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * Adds a value under a pattern or a list of them; a value that is there already keeps its place and gains them.
   *
   * Throws `ERR_MILLRACE_PATTERN` if one is malformed or the list is empty; then nothing was added.
   *
   * ```ts
   * index.add('agent.**', subscription)
   * ```
   */
  add(pattern: string | readonly string[], value: T): void {
    const list = typeof pattern === 'string' ? [pattern] : pattern
    if (list.length === 0) throw new PatternError('empty list of patterns', '', 0)
    const parsed = list.map(parsePattern)
    let entry = this.#entries.get(value)
    if (entry === undefined) {
      entry = { value, order: this.#order++, undo: [], foundIn: 0 }
      this.#entries.set(value, entry)
    }
    for (const one of parsed) this.#place(one, entry)
  }

  /**
   * Removes a value with all of its patterns, and says whether it was there.
   *
   * ```ts
   * index.delete(subscription) // true
   * ```
   */
  delete(value: T): boolean {
    const entry = this.#entries.get(value)
    if (entry === undefined) return false
    this.#entries.delete(value)
    for (const undo of entry.undo) undo()
    return true
  }

  /**
   * The values with a pattern that matches the topic, in order of addition, each once.
   *
   * ```ts
   * for (const subscription of index.match('agent.a.started')) subscription.offer(event)
   * ```
   */
  match(topic: string): T[] {
    const turn = ++this.#matches
    const found: Entry<T>[] = []
    const collect = (entries: Iterable<Entry<T>>) => {
      for (const entry of entries) {
        if (entry.foundIn === turn) continue
        entry.foundIn = turn
        found.push(entry)
      }
    }
    this.#matchSegments(topic.split('.'), turn, collect)
    this.#prefixes.eachPrefixOf(topic, collect)
    for (const { expression, entries } of this.#regexes.values()) {
      if (expression.test(topic)) collect(entries)
    }
    if (found.length > 1) found.sort((a, b) => a.order - b.order)
    return found.map((entry) => entry.value)
  }

  /**
   * Walks all paths at once: after each segment `active` holds the nodes whose path has matched exactly what was
   * read, and `open` the `**` nodes reached so far, which stay reached because they take whatever follows.
   *
   * A node is entered from its one parent, which is gone through once per segment: so at most once per segment.
   */
  #matchSegments(segments: string[], turn: number, collect: (entries: Iterable<Entry<T>>) => void): void {
    const open: SegmentNode<Entry<T>>[] = []
    let active: SegmentNode<Entry<T>>[] = []
    const enter = (node: SegmentNode<Entry<T>>) => {
      active.push(node)
      const { globstar } = node
      if (globstar === undefined || globstar.openedIn === turn) return
      globstar.openedIn = turn
      // Nothing that follows can keep a trailing `**` from matching.
      collect(globstar.entries)
      if (globstar.hasChildren) open.push(globstar)
    }

    enter(this.#root)
    for (const segment of segments) {
      const before = active
      // Those that open at this segment read on from the next one.
      const openBefore = open.length
      active = []
      for (const node of before) node.eachChild(segment, enter)
      for (let i = 0; i < openBefore; i++) open[i]!.eachChild(segment, enter)
      if (active.length === 0 && open.length === 0) return
    }
    for (const node of active) collect(node.entries)
  }

  #place(parsed: ParsedPattern, entry: Entry<T>): void {
    if (parsed.kind === 'segments') {
      for (const segments of parsed.alternatives) this.#placeSegments(segments, entry)
    } else if (parsed.kind === 'prefix') {
      const entries = this.#prefixes.get(parsed.prefix) ?? new Set()
      this.#prefixes.set(parsed.prefix, entries.add(entry))
      entry.undo.push(() => {
        if (entries.delete(entry) && entries.size === 0) this.#prefixes.delete(parsed.prefix)
      })
    } else {
      const key = String(parsed.regex)
      const place = this.#regexes.get(key) ?? { expression: parsed.regex, entries: new Set() }
      this.#regexes.set(key, place)
      place.entries.add(entry)
      entry.undo.push(() => {
        if (place.entries.delete(entry) && place.entries.size === 0) this.#regexes.delete(key)
      })
    }
  }

  #placeSegments(segments: readonly PatternSegment[], entry: Entry<T>): void {
    let node = this.#root
    for (const segment of segments) node = node.childFor(segment)
    if (node.entries.has(entry)) return
    node.entries.add(entry)
    entry.undo.push(() => {
      node.entries.delete(entry)
      node.prune()
    })
  }
}

/**
 * Whether a pattern, or one of a list, matches the topic; for many topics keep a `PatternIndex`.
 *
 * Throws `ERR_MILLRACE_PATTERN` if a pattern is malformed.
 *
 * ```ts
 * matches('tool.*.completed', 'tool.grep.completed') // true
 * ```
 */
export function matches(pattern: string | readonly string[], topic: string): boolean {
  const index = new PatternIndex<true>()
  index.add(pattern, true)
  return index.match(topic).length > 0
}
