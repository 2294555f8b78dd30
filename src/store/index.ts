export type { Overflow } from '../lane/overflow.ts'
export { type MemoryStoreOptions, memoryStore } from './memory.ts'
export type { Store } from './store.ts'
