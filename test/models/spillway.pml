/*
 * A spillway (decision 15): a publisher whose ring is full goes out; the engine's thread keeps that in the store and puts it back when
 * its turn has come; the lane's reader reads both rings, in any order. All of one key: they must be handled in the order of publishing.
 * Rings have room for one record; the records that lie there, and those in the store, are numbers. The engine's thread parks when it
 * has nothing to do; whoever has something for it wakes it.
 */
#define RECORDS 5

chan ring = [1] of { byte };
chan out = [1] of { byte };
chan store = [RECORDS] of { byte };
chan back = [1] of { byte };

byte ringWritten, ringReleased, outWritten, backReleased;
byte handled;

/* Set by who waits, before its second look; whoever changes what it waits for looks at it afterwards. */
bool ringWanted, backWanted, parked;

inline wake() {
	parked = false
}

inline goOut() {
#if MISTAKE != 5
	/* the engine's thread waits for the ring to be empty */
	ringWanted = true;
#endif
	d_step { outWritten++; out!next; next++ };
	wake()
}

active proctype Publisher() {
	byte next;
	do
	:: next == RECORDS -> break
	:: else ->
		if
#if MISTAKE == 1
		:: len(out) > 0 ->
#else
		:: outWritten != backReleased ->
#endif
			/* it spills: nothing may overtake; full, it waits */
			if
			:: nfull(out) -> goOut()
#if MISTAKE != 1
			:: outWritten == backReleased
#endif
			fi
		:: else ->
			ringWanted = false;
			if
			:: d_step { nfull(ring) -> ringWritten++; ring!next; next++ }
			:: full(ring) && nfull(out) -> goOut()
			fi
		fi
	od
}

/* The engine's thread. */
active proctype Keeper() {
	byte record;
	bool turn, news;
	do
	:: handled == RECORDS -> break
	:: else ->
		/* what is readable, and only then, whether the ring is empty */
#if MISTAKE == 2
		turn = true; news = nempty(out);
#elif MISTAKE == 3
		turn = (ringWritten == ringReleased); news = nempty(out);
#else
		news = nempty(out); turn = (ringWritten == ringReleased);
#endif
#if MISTAKE != 6
		if
		:: turn && (news || nempty(store)) && full(back) -> backWanted = true
		:: else
		fi;
#endif
		if
#if MISTAKE == 4
		:: news && turn && nfull(back) ->
#else
		:: news && turn && nfull(back) && empty(store) ->
#endif
			d_step { out?record; back!record }; backWanted = false; parked = false
		:: news ->
			d_step { out?record; store!record }; parked = false
		:: nempty(store) && turn && nfull(back) ->
			d_step { store?record; back!record }; backWanted = false; parked = false
		:: !news && (empty(store) || !turn || full(back)) ->
			/* nothing to do: it looks once more, and only then waits */
#if MISTAKE == 7
			parked = true;
			(!parked || handled == RECORDS)
#else
			if
			:: !parked -> parked = true
			:: else -> (!parked || handled == RECORDS)
			fi
#endif
		fi
	od
}

/* Whoever holds the lane's lease: each of its rings in turn. A record is released when it was handled. */
active proctype Reader() {
	byte record;
	do
	:: handled == RECORDS -> break
	:: nempty(ring) ->
		ring?<record>;
		assert(record == handled);
		handled++;
		d_step { ring?record; ringReleased++ };
		if
		:: ringWanted -> wake()
		:: else
		fi
	:: nempty(back) ->
		back?<record>;
		assert(record == handled);
		handled++;
		d_step { back?record; backReleased++ };
		if
		:: backWanted -> wake()
		:: else
		fi
	od
}

ltl allHandled { <> (handled == RECORDS) }
