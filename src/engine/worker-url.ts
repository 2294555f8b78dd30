/**
 * Where the workers' entry point lies: the source when this module is source, else what was compiled from it. Both
 * are literal, so that bundlers find them.
 */
export const dispatcherUrl: URL = import.meta.url.endsWith('.ts')
  ? new URL('../../workers/dispatcher.ts', import.meta.url)
  : new URL('../../workers/dispatcher.js', import.meta.url)
