import { MillraceEvent } from './event.ts'
import type { EventOrigin } from './origins.ts'
import { dataStartOf, HEADER_BYTES, isPlain } from './record.ts'
import type { Space } from './space.ts'
import type { Struct } from './struct/struct.ts'
import { bind, type StructView, unbind } from './struct/view.ts'

/** @internal An event whose data are a struct in its record: one after the other, those of a ring (decision 27). */
export class StructEvent extends MillraceEvent {
  private readonly struct: Struct
  private readonly view: StructView

  constructor(type: string, attempt: number, origin: EventOrigin, struct: Struct, space: Space) {
    super(type, attempt, origin, space, 0, 0, false)
    this.struct = struct
    this.view = struct.view()
  }

  override get data(): any {
    return this.view
  }

  /**
   * From here on it is the event whose record lies from `start` to `end`, and has nothing but data and perhaps a key.
   *
   * @throws DecodeError (`ERR_MILLRACE_DECODE`) if that is too short.
   */
  show(space: Space, start: number, end: number): void {
    const at = isPlain(space.words, start) ? start + HEADER_BYTES : dataStartOf(space.bytes, start, end)
    this.struct.check(at, end)
    this.lie(space, start, end)
    bind(this.view, space, at, end)
  }

  override settle(): void {
    super.settle()
    unbind(this.view)
  }
}
