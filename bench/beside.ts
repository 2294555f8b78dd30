import { extname } from 'node:path'

/** The module of this name beside the one whose `import.meta.url` is given: in TypeScript, or as it was built. */
export function beside(url: string, name: string): URL {
  return new URL(`${name}${extname(url)}`, url)
}
