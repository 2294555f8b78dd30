import { hasKeys, type Shape, shapeOf } from './shape.ts'

/** How often a shape must have been seen more than others, before it is worth a function of its own. */
const SEEN = 8
/** The most shapes of one place, and of all places of a thread. */
const MAX_SHAPES = 4
const MAX_SHAPES_OF_THREAD = 1_024
/** Objects without a known shape, after which no more are looked for: their keys are data. */
const PATIENCE = 2_048

let learned = 0

/** Looks out for the shape that most objects at one place have: by majority, so that rare ones cost nothing. */
export class ShapeCandidate {
  private shape: Shape | undefined
  private seen = 0
  private shapes = 0
  private patience = PATIENCE

  /** An object with these keys was seen; answers its shape as soon as it is worth to be known. */
  meet(keys: readonly string[]): Shape | undefined {
    if (this.patience === 0) return undefined
    this.patience--
    if (this.shape === undefined || this.seen === 0) {
      this.shape = shapeOf(keys)
      this.seen = 1
      return undefined
    }
    if (!hasKeys(this.shape, keys)) {
      this.seen--
      return undefined
    }
    if (++this.seen < SEEN) return undefined
    const { shape } = this
    this.shape = undefined
    this.seen = 0
    learned++
    if (++this.shapes === MAX_SHAPES || learned >= MAX_SHAPES_OF_THREAD) this.patience = 0
    return shape
  }

  /** Whether `meet` is worth a call. */
  get isOpen(): boolean {
    return this.patience > 0
  }
}
