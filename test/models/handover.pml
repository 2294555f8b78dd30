/*
 * A lane gets another home (decision 23): its old home lets go of it once nothing of it is in flight, and until then handles only what something in flight waits for. One
 * ring has two events, of which the first goes on until an event in a deeper ring has been handled, which another thread publishes
 * meanwhile. Nobody waits with a time limit, so a lost wake-up shows as a state in which something lies unread and all are parked.
 */
#define OLD 1
#define NEW 2
#define EVENTS 2

byte published, begun;        /* the ring */
bool asked, answered;         /* the deeper ring, with one event */
byte flying;                  /* who has the first event in flight: 0 for nobody */
byte ended;
byte home = OLD;
byte lease;
bool parked[3];
bool stopped;

inline wake(slot) {
	/* compare and swap */
	atomic {
		if
		:: parked[slot] -> parked[slot] = false
		:: else
		fi
	}
}

/* after the store that made the news */
inline wakeReader() {
#if MISTAKE == 3
	skip;
#else
	at = home;
#endif
	holder = lease;
	wake(at);
#if MISTAKE != 2
	if
	:: holder != 0 && holder != at -> wake(holder)
	:: else
	fi
#endif
}

active proctype Publisher() {
	byte at, holder;
	do
	:: published == EVENTS -> break
	:: else ->
#if MISTAKE == 3
		at = home;
#endif
		published++;
		wakeReader()
	od
}

active proctype Asked() {
	byte at, holder;
	(flying != 0);
#if MISTAKE == 3
	at = home;
#endif
	asked = true;
	wakeReader()
}

active proctype Engine() {
	home = NEW;
	wake(OLD);
	wake(NEW)
}

/* what a worker finds to do with the lane */
#define OTHERS (home != me)
#define READS_DEEP (asked && !answered && (!OTHERS || flying == me))
#define READS_FLAT (begun < published && !OTHERS)
#if MISTAKE == 4
#define LETS_GO OTHERS
#else
#define LETS_GO (OTHERS && flying != me)
#endif
#define NEWS ((lease == me && (READS_DEEP || READS_FLAT || LETS_GO)) || (lease == 0 && !OTHERS && (begun < published || (asked && !answered))))

proctype Worker(byte me) {
	do
	:: stopped -> break
	:: else ->
		if
		:: lease == me && READS_DEEP ->
			answered = true;
			/* what it was asked for goes on, and ends */
			atomic {
				assert(flying == me || flying == 0);
				if
				:: flying == me -> flying = 0; ended++
				:: else
				fi
			}
		:: lease == me && !READS_DEEP && READS_FLAT ->
			assert(flying == 0 || flying == me);
			begun++;
			if
			:: begun == 1 -> flying = me
			:: else -> ended++
			fi
		:: lease == me && !READS_DEEP && !READS_FLAT && LETS_GO ->
			/* given back */
			lease = 0;
#if MISTAKE != 1
			wake(home)
#endif
		:: lease != me && !OTHERS && (begun < published || (asked && !answered)) ->
			atomic {
				if
				:: lease == 0 -> lease = me
				:: else
				fi
			};
			if
			:: lease != me -> goto rest
			:: else
			fi
		:: else ->
rest:			parked[me] = true;
			if
			:: NEWS || stopped -> parked[me] = false
			:: else -> (!parked[me])
			fi
		fi
	od
}

active proctype Supervisor() {
	run Worker(OLD);
	run Worker(NEW);
	(ended == EVENTS && answered);
	stopped = true;
	wake(OLD);
	wake(NEW)
}

ltl allEnded { <> (ended == EVENTS && stopped) }
