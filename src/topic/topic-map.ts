/** Ids of one page: they are spread, and an array with gaps between its elements is a dictionary, some ten times as slow. */
const PAGE_BITS = 8
const PAGE_MASK = (1 << PAGE_BITS) - 1

/** Values by the ids of topics, of which a few out of many are used: two array accesses. */
export class TopicMap<Value> {
  private readonly pages: ((Value | undefined)[] | undefined)[] = []

  get(id: number): Value | undefined {
    const page = this.pages[id >> PAGE_BITS]
    return page === undefined ? undefined : page[id & PAGE_MASK]
  }

  set(id: number, value: Value): void {
    while (this.pages.length <= id >> PAGE_BITS) this.pages.push(undefined)
    this.pages[id >> PAGE_BITS] ??= new Array(PAGE_MASK + 1).fill(undefined)
    this.pages[id >> PAGE_BITS]![id & PAGE_MASK] = value
  }

  clear(): void {
    this.pages.length = 0
  }
}
