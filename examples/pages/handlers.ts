import { defineHandlers } from '../../src/index.ts'
import { type Board, render } from './board.ts'

export type PageEvents = { 'page.board': Board }

export default defineHandlers<PageEvents>({
  'page.board': (event) => render(event.data),
})
