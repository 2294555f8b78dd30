/*
 * The ring (decision 2) between a writer that waits for room and readers that take turns under a lease: claim with a cached head,
 * commit, batches, release in one store with the counts, WANTED. Either may die at any step, once; another goes on.
 *
 * Records have one unit; positions overflow at POSITIONS. Room is waited for without a time limit: a lost wake-up shows.
 */
#define CAPACITY 2
#define POSITIONS 8
#define RECORDS 5
#define AHEAD(a, b) ((a - b + POSITIONS) % POSITIONS)

byte tail, head;              /* positions, each stored by its end */
byte slot[CAPACITY];          /* what lies there: the record's number */
bool busy[CAPACITY];          /* its reader may still look at it */
typedef Tally { byte count[2]; byte stamp[2] }  /* two blocks, each stamped with the position that it belongs to */
Tally written, released;      /* the writer's, the reader's */
bool wanted, asleep;
byte handled;                 /* the next record that has not been handled to its end */
bool writerMayDie = true, readerMayDie = true;
bool writerDead, readerDead, writerDone, readerDone;

inline publishTally(tally, records, at) {
	if
	:: tally.stamp[0] == stamp -> tally.stamp[1] = at; tally.count[1] = records
	:: else -> tally.stamp[0] = at; tally.count[0] = records
	fi
}

inline resumeTally(tally, at) {
	if
	:: tally.stamp[0] == at -> count = tally.count[0]
	:: else -> assert(tally.stamp[1] == at); count = tally.count[1]
	fi;
	stamp = at
}

proctype Writer() {
	byte next, cached, count, stamp;
	next = tail; cached = head;
	resumeTally(written, next);
	assert(count % POSITIONS == next);
	do
	:: count == RECORDS -> writerDone = true; break
	:: count < RECORDS && AHEAD(next, cached) < CAPACITY ->
		/* claim and fill: nobody may look at these bytes */
		assert(!busy[next % CAPACITY]);
#if MISTAKE != 5
		slot[next % CAPACITY] = count;
#endif
		if
		:: writerMayDie -> d_step { writerMayDie = false; writerDead = true }; goto died
		:: true
		fi;
		next = (next + 1) % POSITIONS;
		count++;
		publishTally(written, count, next);
		if
		:: writerMayDie -> d_step { writerMayDie = false; writerDead = true }; goto died
		:: true
		fi;
		stamp = next;
		tail = next
#if MISTAKE == 5
		;
		slot[(next + POSITIONS - 1) % CAPACITY] = count - 1
#endif
	:: count < RECORDS && AHEAD(next, cached) == CAPACITY ->
		cached = head;
		if
		:: AHEAD(next, cached) < CAPACITY
		:: else ->
			wanted = true;
			/* parks: says so, then looks again */
#if MISTAKE == 1
			cached = head; asleep = true;
#else
			asleep = true; cached = head;
#endif
			if
			:: AHEAD(next, cached) < CAPACITY -> asleep = false
			:: else -> !asleep
			fi;
			wanted = false;
			cached = head
		fi
	od;
died:	skip
}

proctype Reader() {
	byte position, end, count, stamp, first;
	position = head;
	resumeTally(released, position);
	assert(count % POSITIONS == position);
	do
	:: count == RECORDS -> readerDone = true; break
	:: count < RECORDS ->
#if MISTAKE == 2
		end = (tail + 1) % POSITIONS;
#else
		end = tail;
#endif
		first = position;
		do
		:: position != end ->
			busy[position % CAPACITY] = true;
			assert(slot[position % CAPACITY] == count);
			/* again, if the last reader died before it released it; never later than that */
			assert(count <= handled);
			if
			:: count == handled -> handled++
			:: else
			fi;
			if
			:: readerMayDie -> d_step { readerMayDie = false; readerDead = true }; goto died
			:: true
			fi;
			position = (position + 1) % POSITIONS;
			count++
		:: else -> break
		od;
		if
		:: position == first -> (tail != position)
		:: else ->
#if MISTAKE != 3
			publishTally(released, count, position);
#endif
			if
			:: readerMayDie -> d_step { readerMayDie = false; readerDead = true }; goto died
			:: true
			fi;
			d_step { busy[0] = false; busy[1] = false; head = position };
#if MISTAKE == 3
			if
			:: readerMayDie -> d_step { readerMayDie = false; readerDead = true }; goto died
			:: true
			fi;
			publishTally(released, count, position);
#endif
			stamp = position;
#if MISTAKE != 4
			if
			:: wanted -> asleep = false
			:: else
			fi
#endif
		fi
	od;
died:	skip
}

/* Starts the next one after the end of the last, and not before. */
active proctype Supervisor() {
	run Writer(); run Reader();
	do
	:: writerDead -> writerDead = false; run Writer()
	:: readerDead -> d_step { readerDead = false; busy[0] = false; busy[1] = false }; run Reader()
	:: writerDone && readerDone -> break
	od
}

ltl allHandled { <> (handled == RECORDS && writerDone && readerDone) }
