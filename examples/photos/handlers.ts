import { defineHandlers } from '../../src/index.ts'
import { thumbnailOf } from './thumbnail.ts'

/** Photos come as they are; the answer is a thumbnail. */
export type PhotoEvents = { 'photo.uploaded': Uint8Array }

const SIDE = 160

export default defineHandlers<PhotoEvents>({
  'photo.uploaded': (event) => thumbnailOf(event.bytes, SIDE),
})
