/*
 * The table of latest values (decision 10): one writer, readers that take turns. Two keys have a slot each, with two cells and a count of
 * values; a queue says in which order the slots are to be read. Either end may die at any step, once; its successor repairs, or looks
 * through all slots. A value is its number, so a reader sees which one it has.
 */
#define SLOTS 2
#define VALUES(s) (3 - 2 * s) /* of each key */
#define ENTRIES 8             /* as many as are ever written: positions do not overflow here */

byte seq[SLOTS], queued[SLOTS], tail;   /* the writer's */
byte seen[SLOTS], head;                 /* the reader's */
byte queue[ENTRIES];
typedef Cells { byte value[2]; bool torn[2] }
Cells slot[SLOTS];
byte got[SLOTS];              /* the value of each key that was handled last */
bool writerMayDie = true, readerMayDie = true, writerDone, readerDone, writerDead, readerDead;

#define UNREAD(s) (seq[s] != seen[s])

inline announce(s) {
	d_step { queue[last] = s; last++; queued[s] = last };
	tail = last
}

/* An entry that its writer did not live to commit may have been given to another slot. */
#define QUEUED(s, passed) (queued[s] > passed && queued[s] <= last && queue[queued[s] - 1] == s)

proctype Writer() {
	byte last, s, value, passed;
	last = tail;
	passed = head;
	/* repair */
	s = 0;
	do
	:: s == SLOTS -> break
	:: else ->
#if MISTAKE != 1
		if
		:: UNREAD(s) && !QUEUED(s, passed) -> announce(s)
		:: else
		fi;
#endif
		s++
	od;
	do
	:: seq[0] == VALUES(0) && seq[1] == VALUES(1) -> writerDone = true; break
	:: else ->
		if
		:: seq[0] < VALUES(0) -> s = 0
		:: seq[1] < VALUES(1) -> s = 1
		fi;
		value = seq[s] + 1;
		slot[s].torn[value % 2] = true;
		d_step { slot[s].value[value % 2] = value; slot[s].torn[value % 2] = false };
#if MISTAKE == 2
		passed = head;
		seq[s] = value;
#else
		seq[s] = value;
		if
		:: writerMayDie -> d_step { writerMayDie = false; writerDead = true }; goto died
		:: true
		fi;
		/* after the store of SEQ: either this load sees that the entry was passed, or the reader sees the value */
		passed = head;
#endif
		if
		:: QUEUED(s, passed)
		:: else ->
			d_step { queue[last] = s; last++; queued[s] = last };
			if
			:: writerMayDie -> d_step { writerMayDie = false; writerDead = true }; goto died
			:: true
			fi;
			tail = last
		fi
	od;
died:	skip
}

proctype Reader() {
	byte position, s, value, copy, sweep;
	bool whole;
	position = head;
#if MISTAKE == 3
	sweep = SLOTS;
#endif
	do
	:: sweep < SLOTS -> s = sweep; sweep++; goto look
	:: sweep == SLOTS && writerDone && tail == position -> readerDone = true; break
	:: sweep == SLOTS && tail != position ->
		s = queue[position];
		position++;
#if MISTAKE != 4
		head = position;
#endif
look:		value = seq[s];
		if
		:: value == seen[s]
		:: else ->
			d_step { whole = !slot[s].torn[value % 2]; copy = slot[s].value[value % 2] };
			if
			:: readerMayDie -> d_step { readerMayDie = false; readerDead = true }; goto died
			:: true
			fi;
#if MISTAKE == 5
			if
			:: true ->
#else
			if
			:: seq[s] == value ->
#endif
				d_step {
					assert(whole && copy == value);
					/* never an older one; the same only after a death */
					assert(copy >= got[s]);
					got[s] = copy
				};
				seen[s] = value
#if MISTAKE != 5
			:: else
#endif
			fi
		fi;
#if MISTAKE == 4
		head = position
#endif
	od;
	assert(got[0] == VALUES(0) && got[1] == VALUES(1));
died:	skip
}

active proctype Supervisor() {
	run Writer(); run Reader();
	do
	:: writerDead -> writerDead = false; run Writer()
	:: readerDead -> readerDead = false; run Reader()
	:: writerDone && readerDone -> break
	od
}

ltl allRead { <> (readerDone) }
