import { GlobTable } from './glob-table.ts'
import type { PatternSegment } from './pattern.ts'

/** A place in the trie of patterns: what may follow the segments that lead to it, and which entries end here. */
export class SegmentNode<E> {
  readonly entries = new Set<E>()
  readonly #parent: SegmentNode<E> | undefined
  /** The segment that leads here from the parent. */
  readonly #segment: PatternSegment | undefined
  #literals: Map<string, SegmentNode<E>> | undefined
  #any: SegmentNode<E> | undefined
  #globstar: SegmentNode<E> | undefined
  #globs: GlobTable<SegmentNode<E>> | undefined
  /** For `**`: the match that reached it last. */
  openedIn = 0

  constructor(parent?: SegmentNode<E>, segment?: PatternSegment) {
    this.#parent = parent
    this.#segment = segment
  }

  /** The child for `**`. */
  get globstar(): SegmentNode<E> | undefined {
    return this.#globstar
  }

  get hasChildren(): boolean {
    return (
      this.#literals !== undefined ||
      this.#any !== undefined ||
      this.#globstar !== undefined ||
      this.#globs !== undefined
    )
  }

  /** Calls `enter` with each child that takes the segment; `**` is left to the caller. */
  eachChild(segment: string, enter: (node: SegmentNode<E>) => void): void {
    const literal = this.#literals?.get(segment)
    if (literal !== undefined) enter(literal)
    if (this.#any !== undefined) enter(this.#any)
    if (this.#globs !== undefined) {
      for (const node of this.#globs.match(segment)) enter(node)
    }
  }

  /** The child that a segment of a pattern leads to, made if it is not there. */
  childFor(segment: PatternSegment): SegmentNode<E> {
    switch (segment.kind) {
      case 'any':
        return (this.#any ??= new SegmentNode(this, segment))
      case 'globstar':
        return (this.#globstar ??= new SegmentNode(this, segment))
      case 'literal': {
        this.#literals ??= new Map()
        let child = this.#literals.get(segment.text)
        if (child === undefined) this.#literals.set(segment.text, (child = new SegmentNode(this, segment)))
        return child
      }
      case 'glob': {
        this.#globs ??= new GlobTable()
        let child = this.#globs.get(segment.glob)
        if (child === undefined) this.#globs.set(segment.glob, (child = new SegmentNode(this, segment)))
        return child
      }
    }
  }

  /** Takes this node out of its parent if nothing ends or goes on here, and then the parent likewise. */
  prune(): void {
    let node: SegmentNode<E> = this
    while (node.#parent !== undefined && node.entries.size === 0 && !node.hasChildren) {
      node.#parent.#remove(node.#segment!)
      node = node.#parent
    }
  }

  #remove(segment: PatternSegment): void {
    switch (segment.kind) {
      case 'any':
        this.#any = undefined
        break
      case 'globstar':
        this.#globstar = undefined
        break
      case 'literal':
        this.#literals!.delete(segment.text)
        if (this.#literals!.size === 0) this.#literals = undefined
        break
      case 'glob':
        this.#globs!.delete(segment.glob)
        if (this.#globs!.size === 0) this.#globs = undefined
        break
    }
  }
}
