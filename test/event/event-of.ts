import { MillraceEvent } from '../../src/event/event.ts'
import { ANY_DATA } from '../../src/event/payload.ts'
import { draftBytes, writeDraft } from '../../src/event/record.ts'
import type { Space } from '../../src/event/space.ts'
import type { PublishOptions } from '../../src/index.ts'
import { fillDraft, newDraft } from '../../src/publish/draft.ts'

export type Written = PublishOptions & {
  data?: unknown
  publisher?: number
  sequence?: number
  time?: number
}

export const TYPE = 'image.uploaded'
/** Where the record lies. */
const AT = 64

/** An event in memory like a ring's: `overwrite` does what a writer that comes round again would do. */
export function eventOf(written: Written): { event: MillraceEvent; overwrite(): void } {
  const { data, publisher = 3, sequence = 7, time = 1_700_000_000_123, ...options } = written
  const draft = { ...newDraft(), publisher, topicId: 5, sequence, time }
  fillDraft(draft, data, options, 2 ** 20, false, ANY_DATA)
  const length = draftBytes(draft)
  const buffer = new SharedArrayBuffer(AT + length + (-length & 7))
  const space: Space = {
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
  }
  writeDraft(space, AT, draft)
  return {
    event: new MillraceEvent(
      TYPE,
      1,
      { ...ANY_DATA, engineId: 'engine', answer: undefined },
      space,
      AT,
      AT + length,
      false,
    ),
    overwrite: () => void space.bytes.fill(0xa5),
  }
}
