import type { MailboxPlace } from '../lane/mailbox.ts'
import type { ModuleSpec } from './load.ts'

/** A change of what there is, on its way from the engine's thread to a dispatcher (decision 22). */
export type RegistryChange =
  | { add: MailboxPlace }
  | { remove: number }
  /** Load this module, and report; go on with what there is. */
  | { prepare: ModuleSpec }
  /** Some dispatcher could not. */
  | { abandon: number }
  /** These are the modules from now on; all that are new were prepared. */
  | { switch: readonly ModuleSpec[] }
