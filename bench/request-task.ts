/** What is asked of both: so little that only the way there and back is measured. */
export type Sum = { a: number; b: number }

export function add({ a, b }: Sum): number {
  return a + b
}

export default add
