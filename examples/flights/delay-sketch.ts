/** Sparse: bucket, count, bucket, count, ... in rising order of bucket. */
export interface SketchSnapshot {
  negative: number[]
  zero: number
  positive: number[]
}

/** A quantile is off by at most this share of its own value. */
export const RELATIVE_ERROR = 0.01

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)

/**
 * Quantiles of whole minutes in little memory: DDSketch, C. Masson, J. E. Rim and H. K. Lee, "DDSketch: A fast
 * and fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12(12), 2019.
 *
 * Bucket i counts the values in (gamma^(i-1), gamma^i]; negative values have mirrored buckets, zero its own
 * counter. No bucket is ever collapsed. All state is integer counts, so a merge is an addition: any split of
 * the values over any number of sketches, merged in any order, gives the very same state.
 */
export class DelaySketch {
  private negative: Uint32Array = new Uint32Array(64)
  private positive: Uint32Array = new Uint32Array(64)
  private zero = 0
  private total = 0

  get count(): number {
    return this.total
  }

  add(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`a sketch takes whole numbers, got ${value}`)
    this.total++
    if (value === 0) {
      this.zero++
    } else if (value > 0) {
      const bucket = Math.ceil(Math.log(value) / LOG_GAMMA)
      if (bucket >= this.positive.length) this.positive = widened(this.positive, bucket)
      this.positive[bucket]!++
    } else {
      const bucket = Math.ceil(Math.log(-value) / LOG_GAMMA)
      if (bucket >= this.negative.length) this.negative = widened(this.negative, bucket)
      this.negative[bucket]!++
    }
  }

  merge(other: DelaySketch): void {
    this.negative = summed(this.negative, other.negative)
    this.positive = summed(this.positive, other.positive)
    this.zero += other.zero
    this.total += other.total
  }

  /** The value at rank floor(q * (count - 1)), within RELATIVE_ERROR; NaN when nothing was added. */
  quantile(q: number): number {
    if (!(q >= 0 && q <= 1)) throw new RangeError(`a quantile lies between 0 and 1, got ${q}`)
    if (this.total === 0) return Number.NaN
    const rank = Math.floor(q * (this.total - 1))
    let seen = 0
    for (let bucket = this.negative.length - 1; bucket >= 0; bucket--) {
      seen += this.negative[bucket]!
      if (seen > rank) return -middleOf(bucket)
    }
    seen += this.zero
    if (seen > rank) return 0
    for (let bucket = 0; bucket < this.positive.length; bucket++) {
      seen += this.positive[bucket]!
      if (seen > rank) return middleOf(bucket)
    }
    throw new Error(`the buckets hold ${seen} values and the sketch counted ${this.total}`)
  }

  toJSON(): SketchSnapshot {
    return { negative: sparse(this.negative), zero: this.zero, positive: sparse(this.positive) }
  }

  static fromJSON(snapshot: SketchSnapshot): DelaySketch {
    const sketch = new DelaySketch()
    sketch.negative = dense(snapshot.negative)
    sketch.positive = dense(snapshot.positive)
    sketch.zero = snapshot.zero
    sketch.total = snapshot.zero
    for (const counts of [sketch.negative, sketch.positive]) {
      for (const count of counts) sketch.total += count
    }
    return sketch
  }
}

/** The point of a bucket that is equally far, relatively, from both of its ends. */
function middleOf(bucket: number): number {
  return (2 * GAMMA ** bucket) / (GAMMA + 1)
}

function widened(counts: Uint32Array, bucket: number): Uint32Array {
  let length = counts.length
  while (length <= bucket) length *= 2
  const wide = new Uint32Array(length)
  wide.set(counts)
  return wide
}

function summed(counts: Uint32Array, others: Uint32Array): Uint32Array {
  const sum = others.length > counts.length ? widened(counts, others.length - 1) : counts
  for (let bucket = 0; bucket < others.length; bucket++) sum[bucket]! += others[bucket]!
  return sum
}

function sparse(counts: Uint32Array): number[] {
  const pairs: number[] = []
  for (let bucket = 0; bucket < counts.length; bucket++) {
    if (counts[bucket] !== 0) pairs.push(bucket, counts[bucket]!)
  }
  return pairs
}

function dense(pairs: number[]): Uint32Array {
  const counts = widened(new Uint32Array(64), pairs.at(-2) ?? 0)
  for (let i = 0; i < pairs.length; i += 2) counts[pairs[i]!] = pairs[i + 1]!
  return counts
}
