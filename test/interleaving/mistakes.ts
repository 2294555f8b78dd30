/** A mistake that somebody might make in the ring: in this file, this text in place of that. */
export type Mistake = {
  readonly what: string
  readonly file: string
  readonly right: string
  readonly wrong: string
}

const mistakesOf =
  (file: string) =>
  (what: string, right: string, wrong: string): Mistake => ({ file, what, right, wrong })

const writer = mistakesOf('writer.ts')
const reader = mistakesOf('reader.ts')
const tally = mistakesOf('tally.ts')
const counters = mistakesOf('counters.ts')
const lease = mistakesOf('lease.ts')
const parking = mistakesOf('parking.ts')
const lossyWriter = mistakesOf('lossy-writer.ts')
const lossyReader = mistakesOf('lossy-reader.ts')
const lossyGauge = mistakesOf('lossy-gauge.ts')
const latestWriter = mistakesOf('latest-writer.ts')
const latestReader = mistakesOf('latest-reader.ts')
const recent = mistakesOf('recent-set.ts')
const relay = mistakesOf('relay.ts')
const blocks = mistakesOf('blocks.ts')

/** Every one must be caught by some scenario. */
export const MISTAKES: readonly Mistake[] = [
  writer('never full', 'if (!this.fits(size)) return FULL', 'this.fits(size)'),
  writer(
    'room for eight bytes more than there is',
    'this.head = Atomics.load(this.control, HEAD)\n    return needed <= this.capacity',
    'this.head = Atomics.load(this.control, HEAD)\n    return needed <= 8 + this.capacity',
  ),
  writer('room for the record without its padding', 'size > toEnd ? size + toEnd : size', 'size'),
  writer('padding that looks like a record', '= -toEnd', '= toEnd - 8'),
  writer('no padding at the end', 'if (size > toEnd) {', 'if (size > toEnd + 64) {'),
  writer('a padding that is not passed over', 'this.next = (this.next + toEnd) | 0', ''),
  writer('the mark of an older record', 'this.words[(offset >> 2) + 1] = 0', ''),
  writer(
    'counts after the cursor',
    "this.tally.publish(this.next)\n    // Publishes the tally and all plain stores to the claimed records; pairs with the reader's load of TAIL.\n    Atomics.store(this.control, TAIL, this.next)",
    'Atomics.store(this.control, TAIL, this.next)\n    this.tally.publish(this.next)',
  ),
  writer(
    'a commit without a fence',
    'Atomics.store(this.control, TAIL, this.next)',
    'this.control[TAIL] = this.next',
  ),
  writer(
    'the cursor of the writer before',
    'this.next = this.tail\n    this.lastBytes = 0\n    this.tally',
    'this.tally',
  ),
  writer('counts of the writer before', 'this.tally.resume(this.tail)', ''),
  writer(
    'never looks at the reader',
    'this.head = Atomics.load(this.control, HEAD)\n    return needed',
    'return needed',
  ),
  writer('waits without saying so', 'Atomics.store(this.control, WANTED, room ? 1 : 0)', ''),
  writer(
    'waits for more room than there is',
    '(this.next - (this.capacity >> 1)) | 0',
    '(this.next + (this.capacity >> 1)) | 0',
  ),

  reader(
    'looks for news without a fence',
    'this.tail = Atomics.load(this.control, TAIL)',
    'this.tail = this.control[TAIL]!',
  ),
  reader('a step back at a padding', '(this.position - length) | 0', '(this.position + length) | 0'),
  reader('takes a padding for a record', 'if (length >= 0) {', 'if (length >= -64) {'),
  reader(
    'counts after the cursor',
    'this.tally.publish(position)\n    // Publishes the tally, and that no byte before `position` is read any more; pairs with the load in claim.\n    Atomics.store(this.control, HEAD, position)',
    'Atomics.store(this.control, HEAD, position)\n    this.tally.publish(position)',
  ),
  reader(
    'a release without a fence',
    'Atomics.store(this.control, HEAD, position)',
    'this.control[HEAD] = position',
  ),
  reader(
    'asks whether the writer waits before it makes room',
    'this.head = position\n',
    'this.head = position\n    const wanted = Atomics.load(this.control, WANTED)\n',
  ),
  reader('wakes nobody', 'return ((position - this.control[WANTED_AT]!) | 0) >= 0', 'return false'),
  reader('starts where it stood itself', 'this.position = this.head', ''),
  reader('counts from nothing', 'this.tally.resume(this.head)', ''),

  tally('writes the counts that others read', 'this.block ^= 1', ''),
  tally('goes on from the older counts', '=== stamp ? 0 : 1', '=== stamp ? 1 : 0'),
  tally(
    'does not look whether the counts were rewritten',
    'if (Atomics.load(words, block) === position && Atomics.load(words, cursor) === position) return position',
    'return position',
  ),
  tally('counts of no stamp', 'words[at++] = stamp\n', 'at++\n'),

  counters(
    'the low word first',
    'if (count >= TWO_31) Atomics.store(words, at + 1, Math.floor(count / TWO_31))\n',
    '',
  ),
  counters('believes two halves of different counts', 'if (low >>> 31 === (high & 1))', 'if (true)'),
  counters(
    'believes the high word that it read first',
    'if (Atomics.load(words, at + 1) === high) return',
    'if (true) return',
  ),

  lease(
    'two holders',
    'return Atomics.compareExchange(words, index, 0, holder) === 0',
    'if (Atomics.load(words, index) !== 0) return false\n  Atomics.store(words, index, holder)\n  return true',
  ),
  lease(
    'revokes what the living hold',
    'return Atomics.compareExchange(words, index, dead, 0) === dead',
    'Atomics.store(words, index, 0)\n  return true',
  ),
  lease('gives back without a fence', 'Atomics.store(words, index, 0)', 'words[index] = 0'),
  lease('never revokes', 'return Atomics.compareExchange(words, index, dead, 0) === dead', 'return false'),

  parking(
    'looks before it says that it parks',
    'Atomics.store(this.words, this.index, PARKED)\n    const found = look() ||',
    'const looked = look()\n    Atomics.store(this.words, this.index, PARKED)\n    const found = looked ||',
  ),
  parking('parks without a look', 'const found = look() || Atomics.wait', 'const found = Atomics.wait'),
  parking('wakes without a notification', 'Atomics.notify(words, index)\n', ''),
  parking(
    'takes the sleeper for awake',
    'if (Atomics.load(words, index) !== PARKED) return false',
    'if (Atomics.load(words, index) === PARKED) return false',
  ),
  parking(
    'notifies before it says so',
    'if (Atomics.compareExchange(words, index, PARKED, AWAKE) !== PARKED) return false\n  Atomics.notify(words, index)',
    'Atomics.notify(words, index)\n  if (Atomics.compareExchange(words, index, PARKED, AWAKE) !== PARKED) return false',
  ),

  lossyWriter('overwrites without saying so', 'Atomics.store(control, OLDEST, floor)', ''),
  lossyWriter('no fence between saying so and overwriting', 'Atomics.load(control, READ)\n  }', '}'),
  lossyWriter('says so without a fence', 'Atomics.store(control, OLDEST, floor)', 'control[OLDEST] = floor'),
  lossyWriter('one record too many', 'kept < this.maxRecords', 'kept <= this.maxRecords'),
  lossyWriter('eight bytes too many', '<= this.capacity\n', '<= this.capacity + 8\n'),
  lossyWriter(
    'does not say where the next one starts',
    'slots[this.tail & this.slotMask] = (start + size) | 0',
    '',
  ),
  lossyWriter('a record that wraps', 'size > toEnd ? (next + toEnd) | 0 : next', 'next'),
  lossyWriter(
    'a commit without a fence',
    'Atomics.store(this.views.control, TAIL, this.tail)',
    'this.views.control[TAIL] = this.tail',
  ),
  lossyWriter('counts after the cursor', 'this.tally.publish(this.tail)\n', ''),

  lossyReader('no fence between copy and check', 'Atomics.store(control, CHECK, this.position)', ''),
  lossyReader(
    'takes what was overwritten last',
    'Atomics.load(control, OLDEST) - this.position) | 0) <= 0',
    'Atomics.load(control, OLDEST) - this.position) | 0) <= 1',
  ),
  lossyReader('takes any copy', 'if (!this.isIntact()) return false\n', ''),
  lossyReader('does not count what it missed', 'this.tally.counts[MISSED]! += behind', ''),
  lossyReader('counts after the cursor', 'this.tally.publish(this.position)\n', ''),
  lossyReader('does not step on', 'this.position = (this.position + 1) | 0', ''),
  lossyReader(
    'goes on from where it stood itself',
    'this.position = Atomics.load(this.views.control, READ)',
    '',
  ),

  lossyGauge(
    'the border before the end',
    'const read = readTally(this.control, READ, READER_TALLY, this.reader)\n',
    'const read = readTally(this.control, READ, READER_TALLY, this.reader)\n      const early = Atomics.load(this.control, OLDEST)\n',
  ),

  latestWriter(
    'announces before it writes',
    '    storeCounter(sequences, word, 0, sequence)\n',
    '    if (!this.isQueued(slot, Atomics.load(control, HEAD))) this.announce(slot)\n    storeCounter(sequences, word, 0, sequence)\n    return\n',
  ),
  latestWriter('takes a passed entry for one to come', '| 0) <= 0 ||', '| 0) < 0 ||'),
  latestWriter(
    'never announces again',
    'if (!this.isQueued(slot, Atomics.load(control, HEAD))) this.announce(slot)',
    'if (this.views.queued[slot] === 0) this.announce(slot)',
  ),
  latestWriter('one cell', '(2 * slot + (sequence & 1)) * this.cellBytes', '2 * slot * this.cellBytes'),
  latestWriter(
    'announces before the entry is written',
    'queue[this.tail & this.queueMask] = slot\n    this.tail = (this.tail + 1) | 0\n',
    'Atomics.store(control, TAIL, (this.tail + 1) | 0)\n    queue[this.tail & this.queueMask] = slot\n    this.tail = (this.tail + 1) | 0\n',
  ),
  latestWriter(
    'repairs nothing',
    'if (this.isUnread(slot) && !this.isQueued(slot, head)) this.announce(slot)',
    '',
  ),
  latestWriter('takes slots that are in use', 'if (!this.isUnread(slot)) return slot', 'return slot'),
  latestWriter(
    'does not find its own',
    'if (hashes[slot] !== hash || !this.isUnread(slot)) continue',
    'continue',
  ),

  latestReader(
    'looks before it says that it passes',
    '      this.head = (this.head + 1) | 0\n',
    '      const before = this.isUnread(slot)\n      this.head = (this.head + 1) | 0\n',
  ),
  latestReader(
    'no fence between copy and check',
    'Atomics.store(control, HEAD, this.head)\n    return Atomics.load',
    'return Atomics.load',
  ),
  latestReader('takes any copy', 'if (!this.isIntact()) return false\n', ''),
  latestReader(
    'does not look for what the dead have left',
    '    this.sweep = 0\n    this.sweepToUnread()',
    '    this.sweep = this.views.seen.length',
  ),
  latestReader('does not say what it has taken', 'Atomics.store(this.views.seen, slot, sequence)', ''),
  latestReader(
    'the other cell',
    '(2 * slot + (this.sequence & 1))',
    '(2 * slot + ((this.sequence + 1) & 1))',
  ),

  relay(
    'tells the writer before it has moved',
    'ring.commit()\n    lossy.release()',
    'lossy.release()\n    ring.commit()',
  ),
  relay(
    'goes on from what the writer was told',
    'lossy.resumeAt(counts[LOSSY_POSITION]! | 0, counts[LOSSY_MISSED]!)',
    'lossy.resume()',
  ),
  relay(
    'does not tell the writer again',
    'if (taken !== undefined) latest.take(taken.slot, taken.sequence)',
    '',
  ),
  relay(
    'takes a value before it has moved it',
    'ring.commit()\n      latest.take(latest.slot, latest.sequence)',
    'latest.take(latest.slot, latest.sequence)\n      ring.commit()',
  ),
  relay(
    'moves torn records',
    'if (lossy.confirm()) moved++\n      else ring.abort()',
    'lossy.confirm()\n      moved++',
  ),
  relay('moves torn values', 'if (!latest.isIntact()) {', 'if (false) {'),
  relay('forgets what was missed', 'ring.counts[LOSSY_MISSED] = lossy.missed\n', ''),
  relay(
    'forgets which value it was',
    'ring.counts[LATEST_SLOT] = latest.slot\n      ring.counts[LATEST_SEQUENCE] = latest.sequence\n',
    '',
  ),

  blocks('allocates without the lease', 'return takeLease(this.control, LEASE, this.holder)', 'return true'),
  blocks(
    'cuts a gap before the rest has a size',
    'if (size > pages) sizes[page + pages] = size - pages\n    sizes[page] = pages',
    'sizes[page] = pages\n    if (size > pages) sizes[page + pages] = size - pages',
  ),
  blocks('never joins gaps', 'next < this.pages && this.isFree(next)', 'false'),
  blocks('joins what is not free', 'next < this.pages && this.isFree(next)', 'next < this.pages'),
  blocks(
    'gives the same stamp again',
    '(this.owners[page]! >>> OWNER_BITS) + 1',
    '(this.owners[page]! >>> OWNER_BITS)',
  ),
  blocks(
    'passes on what is another’s',
    'return Atomics.compareExchange(this.owners, page, word | from, word | to) === (word | from)',
    'Atomics.store(this.owners, page, word | to)\n    return true',
  ),
  blocks('takes several where one has room', 'this.find(count * pages, limit)', 'this.find(pages, limit)'),
  blocks('does not free what a dead thread had', 'if ((word & OWNER_MASK) !== owner) continue', 'continue'),
  blocks(
    'does not take the lease from a dead thread',
    'if (revokeLease(this.control, LEASE, dead)) this.tellRoom()',
    '',
  ),
  blocks(
    'tells nobody of room',
    'if (!this.pass(page, stamp, from, FREE)) return false\n    this.tellRoom()',
    'if (!this.pass(page, stamp, from, FREE)) return false',
  ),
  blocks(
    'tells nobody that the lease is free',
    'Atomics.store(this.control, CONTENDED, 0)\n    this.tellRoom()',
    'Atomics.store(this.control, CONTENDED, 0)',
  ),
  blocks(
    'takes the flag of another for its own',
    'return Atomics.load(this.control, TOLD) !== told',
    'return Atomics.load(this.control, WANTED) === 0',
  ),
  blocks(
    'says that it waited for the lease after its last try',
    'Atomics.store(this.control, CONTENDED, 1)\n    return takeLease(this.control, LEASE, this.holder)',
    'const has = takeLease(this.control, LEASE, this.holder)\n    if (!has) Atomics.store(this.control, CONTENDED, 1)\n    return has',
  ),

  recent(
    'found before it is within the window',
    'Atomics.store(this.control, TAIL, this.tail)\n    heads[bucket] = tail',
    'heads[bucket] = tail\n    Atomics.store(this.control, TAIL, this.tail)',
  ),
  recent(
    'found before it is whole',
    'words[word] = heads[bucket]!',
    'words[word] = heads[bucket]!\n    heads[bucket] = tail',
  ),
  recent(
    'a window as long as the log',
    'this.window = logBytes - recentEntryBytes(MAX_RECENT_BYTES)',
    'this.window = logBytes',
  ),
  recent('heads that come into the window again', 'this.forget()\n', ''),
  recent('loses those before it in the bucket', 'words[word] = heads[bucket]!', 'words[word] = tail'),
  recent('takes equal hashes for equal names', 'this.isAt(at, bytes, start, end)', 'true'),
  recent('looks at the newest only', 'at = this.words[word]!', 'return false'),
  recent('does not go on where the last one stopped', 'this.tail = Atomics.load(this.control, TAIL)', ''),
  recent(
    'compares positions as if they never went round',
    'const next = (tail - at) | 0',
    'const next = tail - at',
  ),
]

/** The rest of a change that takes more than one place. */
export const SECOND_PLACES: Readonly<Record<string, readonly [right: string, wrong: string]>> = {
  'asks whether the writer waits before it makes room': [
    'if (Atomics.load(this.control, WANTED) === 0) return false',
    'if (wanted === 0) return false',
  ],
  'the border before the end': ['const oldest = Atomics.load(this.control, OLDEST)', 'const oldest = early'],
  'looks before it says that it passes': [
    'if (this.isUnread(slot)) return this.look(slot)\n    }',
    'if (before) return this.look(slot)\n    }',
  ],
}
