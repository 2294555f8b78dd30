/*
 * A lane between two workers (decisions 3 and 4): the lease, its hand-over and revocation, and parking. The publisher wakes the lane's
 * home. A worker that dies with the lease has it revoked after its end, and is replaced. Nobody waits with a time limit, so a
 * lost wake-up shows as a state in which records lie unread and all are parked.
 */
#define RECORDS 3
#define WORKERS 2
#define HOME 1

byte published, released;     /* the ring's cursors */
byte lease;                   /* 0: free; else its holder: ids are never used again */
byte inside;                  /* how many drain the lane */
bool parked[WORKERS + 1];
byte ids = WORKERS;           /* the last one that was given out */
bool mayDie = true, died, stopped;
byte dead, deadSlot;

#define NEWS (released < published && lease == 0)

inline wake(slot) {
	/* after the store that made the news */
	if
	:: parked[slot] -> parked[slot] = false
	:: else
	fi
}

active proctype Publisher() {
	do
	:: published == RECORDS -> break
	:: else -> published++;
#if MISTAKE != 1
		wake(HOME)
#endif
	od
}

proctype Worker(byte slot, me) {
	byte position, taken;
	do
	:: stopped -> break
	:: else ->
		taken = 0;
		if
		:: released < published ->
#if MISTAKE == 2
			if
			:: lease == 0 -> lease = me; taken = 1
			:: else
			fi
#else
			atomic {
				if
				:: lease == 0 -> lease = me; taken = 1
				:: else
				fi
			}
#endif
		:: else
		fi;
		if
		:: taken == 1 ->
			inside++;
			assert(inside == 1);
			position = released;
			do
			:: position < published -> position++; break
			:: else -> break
			od;
			if
			:: mayDie -> atomic { mayDie = false; inside--; dead = me; deadSlot = slot; died = true }; goto ended
			:: true
			fi;
			released = position;
			inside--;
			/* given back; it will look at the lane again before it parks */
			lease = 0
		:: else ->
			/* says that it parks, then looks again */
#if MISTAKE == 3
			if
			:: NEWS || stopped -> skip
			:: else -> parked[slot] = true; (!parked[slot])
			fi
#else
			parked[slot] = true;
			if
			:: NEWS || stopped -> parked[slot] = false
			:: else -> (!parked[slot])
			fi
#endif
		fi
	od;
ended:	skip
}

active proctype Supervisor() {
	run Worker(1, 1); run Worker(2, 2);
	do
	:: died ->
		died = false;
#if MISTAKE != 4
		/* compare and swap: only what the dead one holds */
		atomic {
			if
			:: lease == dead -> lease = 0
			:: else
			fi
		};
#endif
		ids++;
		run Worker(deadSlot, ids)
	:: released == RECORDS && !died && inside == 0 && lease == 0 -> break
	od;
	stopped = true;
	wake(1);
	wake(2)
}

ltl allReleased { <> (released == RECORDS && stopped) }
