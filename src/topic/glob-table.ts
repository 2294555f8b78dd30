import { AffixMap } from './affix-map.ts'
import { type Glob, matchesGlob } from './glob.ts'

/** Inner keys are cut to this length, so that a segment has few distinct lengths to be searched for. */
const INNER_KEY_LENGTH = 8

/** A bucket with fewer globs than this is good enough; from there on the next kind of bucket is tried. */
const SMALL_BUCKET = 8

interface Edge<N> {
  readonly glob: Glob
  readonly child: N
  readonly bucket: Bucket<N>
}

class Bucket<N> {
  readonly edges: Edge<N>[] = []
  readonly home: AffixMap<Bucket<N>>
  readonly key: string
  /** The search that came here last: a key found twice in a segment is tried once. */
  seen = 0

  constructor(home: AffixMap<Bucket<N>>, key: string) {
    this.home = home
    this.key = key
  }
}

/**
 * The globs that lead from one node to its children. Each lies in one bucket, keyed by literal text that a
 * segment must start with, end with or contain to match; of these the bucket with room is taken, so that ten
 * thousand globs `tenant-*-job-17` that share their prefix are told apart by their suffix.
 */
export class GlobTable<N> {
  readonly #edges = new Map<string, Edge<N>>()
  readonly #byPrefix = new AffixMap<Bucket<N>>()
  readonly #bySuffix = new AffixMap<Bucket<N>>()
  readonly #byInner = new AffixMap<Bucket<N>>()
  /** Globs without any literal character: `?`, `[ab]*`. Its key is empty, so that every segment finds it. */
  readonly #loose = new AffixMap<Bucket<N>>()
  #search = 0
  #segment = ''
  #children: N[] = []

  get size(): number {
    return this.#edges.size
  }

  get(glob: Glob): N | undefined {
    return this.#edges.get(glob.source)?.child
  }

  set(glob: Glob, child: N): void {
    const bucket = this.#bucketFor(glob)
    const edge: Edge<N> = { glob, child, bucket }
    bucket.edges.push(edge)
    bucket.home.set(bucket.key, bucket)
    this.#edges.set(glob.source, edge)
  }

  delete(glob: Glob): void {
    const edge = this.#edges.get(glob.source)
    if (edge === undefined) return
    this.#edges.delete(glob.source)
    const { edges, home, key } = edge.bucket
    edges.splice(edges.indexOf(edge), 1)
    if (edges.length === 0) home.delete(key)
  }

  /** The children whose glob matches the segment, each once. */
  match(segment: string): N[] {
    this.#search++
    this.#segment = segment
    this.#children = []
    this.#byPrefix.eachPrefixOf(segment, this.#tryBucket)
    this.#bySuffix.eachSuffixOf(segment, this.#tryBucket)
    this.#byInner.eachPartOf(segment, this.#tryBucket)
    this.#loose.eachPrefixOf(segment, this.#tryBucket)
    return this.#children
  }

  readonly #tryBucket = (bucket: Bucket<N>): void => {
    if (bucket.seen === this.#search) return
    bucket.seen = this.#search
    for (const edge of bucket.edges) {
      if (matchesGlob(edge.glob, this.#segment)) this.#children.push(edge.child)
    }
  }

  #bucketFor(glob: Glob): Bucket<N> {
    const choices: [AffixMap<Bucket<N>>, string][] = []
    if (glob.prefix !== '') choices.push([this.#byPrefix, glob.prefix])
    if (glob.suffix !== '') choices.push([this.#bySuffix, glob.suffix])
    // Last, because a search for inner keys has to look at every offset of the segment.
    if (glob.inner !== '') choices.push([this.#byInner, glob.inner.slice(0, INNER_KEY_LENGTH)])
    if (choices.length === 0) choices.push([this.#loose, ''])

    let best: Bucket<N> | undefined
    for (const [home, key] of choices) {
      const bucket = home.get(key) ?? new Bucket(home, key)
      if (bucket.edges.length < SMALL_BUCKET) return bucket
      if (best === undefined || bucket.edges.length < best.edges.length) best = bucket
    }
    return best!
  }
}
