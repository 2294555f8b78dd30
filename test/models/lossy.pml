/*
 * The lossy ring (decision 9): the writer never waits, the reader copies and then asks whether the copy is whole. Positions are numbers
 * of records; a cell holds one. The reader may die, once; its successor goes on at READ. Counts are differences.
 */
#define CELLS 2
#define RECORDS 4

byte tail, oldest, read;      /* tail and oldest: the writer's; read: the reader's */
byte cell[CELLS];
bool torn[CELLS];             /* the cell is being written */
byte taken, missed;           /* change with READ, in one store: the reader's tally */
bool readerMayDie = true, readerDone;

active proctype Writer() {
	byte count, from;
	do
	:: count == RECORDS -> break
	:: else ->
		from = oldest;
		if
		:: from < read -> from = read
		:: else
		fi;
		if
		:: count - from == CELLS -> from++
		:: else
		fi;
#if MISTAKE != 1
		/* before the bytes: who copies them will see it */
		oldest = from;
#endif
		torn[count % CELLS] = true;
		cell[count % CELLS] = count;
		torn[count % CELLS] = false;
#if MISTAKE == 1
		oldest = from;
#endif
		count++;
		tail = count
	od
}

active proctype Reader() {
	byte position, end, start, copy, lost, got;
	bool whole;
again:
	position = read; lost = missed; got = taken;
	do
	:: position == RECORDS -> break
	:: else ->
		tail > position;
		end = tail;
		do
		:: position >= end -> break
		:: else ->
			start = oldest;
			if
			:: start > position -> lost = lost + start - position; position = start
			:: else
			fi;
			if
			:: position < end ->
				whole = !torn[position % CELLS];
				copy = cell[position % CELLS];
				whole = whole && !torn[position % CELLS];
#if MISTAKE == 2
				if
				:: true ->
#else
				if
				:: oldest <= position ->
#endif
					assert(whole && copy == position);
					got++;
					position++
#if MISTAKE != 2
				:: else
#endif
				fi
			:: else
			fi
		od;
		if
		:: readerMayDie -> readerMayDie = false; goto again
		:: true
		fi;
		/* the tally is stamped with READ: one store */
		d_step { taken = got; missed = lost; read = position };
		assert(taken + missed == read)
	od;
	assert(taken + missed == RECORDS);
	readerDone = true
}

/* Looks from outside, as the ledger does. */
active proctype Gauge() {
	byte before, written, first, dropped, pending, lost, got;
	do
	:: readerDone -> break
	:: else ->
		d_step { before = read; got = taken; lost = missed };
		written = tail;
#if MISTAKE == 3
		first = before;
#else
		first = oldest;
#endif
		if
		:: first > written -> first = written
		:: else
		fi;
		if
		:: read == before ->
			if
			:: first > before -> dropped = lost + first - before; pending = written - first
			:: else -> dropped = lost; pending = written - before
			fi;
			assert(written == got + dropped + pending && pending <= CELLS)
		:: else
		fi
	od
}

ltl allRead { <> readerDone }
