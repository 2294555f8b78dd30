import { type Board, render } from '../examples/pages/board.ts'
import { thumbnailOf } from '../examples/photos/thumbnail.ts'

type Task = { name: 'thumbnail'; photo: Uint8Array; side: number } | { name: 'page'; board: Board }

/** What the examples' handlers do, as tasks of a pool. */
export default function run(task: Task): unknown {
  return task.name === 'page' ? render(task.board) : thumbnailOf(task.photo, task.side)
}
