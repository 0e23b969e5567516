/* herd - how three servers tell each other what they hold: flood, loss of
 * links, restart, repair. A model for spin; check.sh says what is checked.
 *
 *   client --IAMAT--> put() --news--> link ==AT,SYNC,DONE==> accept --> put()
 *                                      ^                       |
 *                                      +======HAVE,WAIT========+
 *
 * Each edge has a link each way: one end dials and sends, the other accepts.
 * A link has a set of news, what comes after its bookmark in the feed. When it
 * opens, the bookmark goes to the end, and then the maps are compared: the
 * acceptor tells what it has, the dialler sends what is missing.
 *
 * What is shown, of every order in which things can happen:
 *   - When nothing more can happen all maps are the same, no message is left,
 *     and nobody is busy with a repair (judge). What a server holds only gives
 *     way to what is newer (put), unless it is killed: so one that was started
 *     anew holds in the end whatever any that lived on held.
 *   - Everything comes to an end: no state can be come to twice, so there is no
 *     endless run, fair or not (pan -l, there being no progress labels).
 *
 * Where the model simplifies:
 *   - A map has one or two clients. A line is a number: the greater one wins;
 *     of two with the same STAMP only the rest of the line decides.
 *   - Connecting and the handshake are one step. A dialler that does not know
 *     yet that its link is lost moves bookmarks which the next opening moves
 *     again, so here it knows at once, and dials again sooner or later. The
 *     acceptor's end lives on until it has read what arrived, or any part of
 *     that, while the next link may be open already; but not longer than that.
 *   - A killed server is started again in the same step; those who have a link
 *     to it redial sooner or later.
 *   - The comparison by digests of all, of buckets and of lines is one: HAVE
 *     says everything, as it is at one moment. Two lines have two hashes.
 *   - Who is told to WAIT asks again when the other is free, not after a pause.
 *   - Lines too new to be repaired are left out of no more than one comparison
 *     of a link, and any line may be that new. A comparison that left some out
 *     is made again.
 *   - The comparison every peers.sync_interval is left out otherwise: what a
 *     link does when it opens must be enough. It mends what cannot happen
 *     here, a line for which there was no memory.
 *   - Links hold WIRE messages, in order, without error; what TCP resends is
 *     no matter here. Liveness, PING and PONG are left out: links are lost at
 *     any time, also for no reason.
 *
 * BUG_...: deliberate errors, each of which spin must find. */

#ifndef CLIENTS
#define CLIENTS 1
#endif
#ifndef UPDATES
#define UPDATES 2
#endif
#ifndef LOSSES
#define LOSSES 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef WIRE
#define WIRE 2
#endif

/* --- who talks with whom -------------------------------------------------- */

#define SERVERS 3
#define ENTRIES (SERVERS * CLIENTS)
#ifdef TRIANGLE
#define LINKS 6
#else
#define LINKS 4 /* a chain */
#endif

/* Links 0 and 1 between servers 0 and 1; 2, 3: 1 and 2; 4, 5: 0 and 2. */
#define LOW(e)  ((e) / 2 == 1 -> 1 : 0)
#define HIGH(e) ((e) / 2 == 0 -> 1 : 2)
#define FROM(e) ((e) % 2 == 0 -> LOW(e) : HIGH(e))
#define TO(e)   ((e) % 2 == 0 -> HIGH(e) : LOW(e))

/* --- the state ------------------------------------------------------------ */

mtype = { QUIET, DUE, ASKED, REPAIRING };

#define AT_OF(s, c) ((s) * CLIENTS + (c))

byte held[ENTRIES]; /* the line known; 0: none */
byte busy[SERVERS]; /* the session it lets repair it */
#ifdef BUG_ECHO_IN_REPAIR
byte origin[ENTRIES];
#endif

bool up[LINKS];
byte news[LINKS]; /* a bit per client */
mtype compare[LINKS];
byte missing[LINKS]; /* REPAIRING: to send, a bit per client */
#ifdef TOO_NEW
bool again[LINKS];  /* some were left out: compare again */
bool spared[LINKS]; /* that has happened on this link */
#endif
byte wire[LINKS]; /* messages on their way, four bits each, the first lowest */
byte back[LINKS]; /* the answer on its way */

/* What the acceptor has still to read of the link before, and whether the
 * process that sent it is no more. */
byte rest[LINKS];
bool orphaned[LINKS];

/* busy: a session of a link that is up, or of the one before. */
#define NOBODY      0
#define NOW_OF(e)   (1 + (e))
#define REST_OF(e)  (1 + LINKS + (e))

/* --- messages ------------------------------------------------------------- */

#define AT(c, v)   (1 + 3 * (c) + (v) - 1)
#define SYNC       14
#define DONE       15
#define IS_AT(m)   ((m) < SYNC)
#define CLIENT(m)  (((m) - 1) / 3)
#define LINE(m)    (((m) - 1) % 3 + 1)

/* back: */
#define HAVE(all) (1 + (all))
#define WAIT      255

#if WIRE == 1
#define HAS_ROOM(e) (wire[e] == 0)
#else
#define HAS_ROOM(e) (wire[e] < 16)
#endif
#define SEND(e, m) wire[e] = (wire[e] == 0 -> (m) : wire[e] | (m) << 4)

/* Scratch, no part of the state. */
hidden byte message, session, teller, client, line, here, i, s;

/* --- the store ------------------------------------------------------------ */

/* 1 has a stamp; 2 and 3 have a later one, the same. */
#define STAMP(v) ((v) == 0 -> 0 : (v) / 2 + 1)

#if defined BUG_NO_TIE
#define WINS(a, b) (STAMP(a) > STAMP(b))
#elif defined BUG_LAST_WINS
#define WINS(a, b) ((a) != (b))
#else
#define WINS(a, b) ((a) > (b))
#endif

#ifdef BUG_BOOKMARK_STAYS /* at an entry that moves */
byte passed[LINKS];
#define IS_NEWS(e, c)  (!(passed[e] & 1 << (c)))
#define PASSED(e, now) passed[e] = now
#else
#define IS_NEWS(e, c)  true
#define PASSED(e, now) skip
#endif

#define NO_SERVER 255 /* a client, or a process that is no more */

/* A link that is down has no bookmark. What came from the process at its other
 * end is no news to that: herdd looks at it when the feed is read, which is the
 * same, as a link lives no longer than the process. */
inline tell_links(who, c, from)
{
	i = 0;
	do
	:: i == LINKS -> break
	:: i < LINKS && up[i] && FROM(i) == who && IS_NEWS(i, c) ->
		news[i] = (TO(i) != from -> news[i] | 1 << (c) :
			news[i] & ~(1 << (c)));
		i++
	:: else -> i++
	od
}

/* What is not newer: nothing to tell. */
inline tell_stale(who, c, from)
{
#ifdef BUG_STALE_PASSED_ON
	i = 0;
	do
	:: i == LINKS -> break
	:: i < LINKS && up[i] && FROM(i) == who && TO(i) != from ->
		news[i] = news[i] | 1 << (c);
		i++
	:: else -> i++
	od
#else
	skip
#endif
}

inline put(at, c, v, from)
{
	if
	:: WINS(v, held[AT_OF(at, c)]) ->
		held[AT_OF(at, c)] = v;
#ifdef BUG_ECHO_IN_REPAIR
		origin[AT_OF(at, c)] = from + 1;
#endif
		tell_links(at, c, from)
	:: else -> tell_stale(at, c, from)
	fi
}

/* --- links ---------------------------------------------------------------- */

#if CLIENTS == 1
#define ALL_OF(s)       held[s]
#define LINE_IN(all, c) (all)
#else
#define ALL_OF(s)       (held[AT_OF(s, 0)] + 4 * held[AT_OF(s, 1)])
#define LINE_IN(all, c) ((c) == 0 -> (all) % 4 : (all) / 4)
#endif

#ifdef BUG_SLOT_KEPT
#define AFTER_REST 255
#else
#define AFTER_REST NOBODY
#endif

/* The session that reads the rest of a lost link comes to its end. */
inline end_rest(e)
{
	rest[e] = 0;
	orphaned[e] = false;
	if
	:: busy[TO(e)] == REST_OF(e) -> busy[TO(e)] = AFTER_REST
	:: else -> skip
	fi
}

inline open(e)
{
	up[e] = true;
	PASSED(e, 0);
#ifndef BUG_NO_REPAIR
	SEND(e, SYNC);
	compare[e] = ASKED
#endif
}

inline lose(e)
{
	end_rest(e);
	rest[e] = wire[e];
	wire[e] = 0;
	back[e] = 0;
	if
	:: busy[TO(e)] == NOW_OF(e) -> busy[TO(e)] = REST_OF(e)
	:: else -> skip
	fi;
#ifdef TOO_NEW
	again[e] = false;
	spared[e] = false;
#endif
	up[e] = false;
	news[e] = 0;
	compare[e] = QUIET;
	missing[e] = 0
}

/* Its memory, its sessions and its links are gone; what it has sent is still
 * read. */
inline crash(who)
{
	s = 0;
	do
	:: s < LINKS ->
		if
		:: up[s] && (FROM(s) == who || TO(s) == who) -> lose(s)
		:: else -> skip
		fi;
		if
		:: FROM(s) == who -> orphaned[s] = rest[s] != 0
		:: TO(s) == who -> end_rest(s)
		:: else -> skip
		fi;
		s++
	:: else -> break
	od;
	busy[who] = NOBODY;
	s = 0;
	do
	:: s < CLIENTS -> held[AT_OF(who, s)] = 0; s++
	:: else -> break
	od
}

#ifdef BUG_ECHO_IN_REPAIR /* and by name, so that a restart changes nothing */
#define MAY_REPAIR(e, c) (origin[AT_OF(FROM(e), c)] != TO(e) + 1)
#else
#define MAY_REPAIR(e, c) true
#endif

/* What the dialler holds and the acceptor has told that it does not. */
inline find_missing(e)
{
	missing[e] = 0;
	i = 0;
	do
	:: i < CLIENTS ->
		if
		:: held[AT_OF(FROM(e), i)] != 0 && MAY_REPAIR(e, i) &&
				held[AT_OF(FROM(e), i)] != LINE_IN(back[e] - 1, i) ->
			missing[e] = missing[e] | 1 << i
		:: else -> skip
		fi;
		i++
	:: else -> break
	od;
	compare[e] = REPAIRING
}

/* The acceptor's side: what it has read, from which process, as which
 * session. */
inline obey(e)
{
	if
	:: IS_AT(message) ->
		here = TO(e);
		client = CLIENT(message);
		line = LINE(message);
		put(here, client, line, teller)
	:: message == SYNC && busy[TO(e)] == NOBODY ->
		busy[TO(e)] = session;
		back[e] = (session == NOW_OF(e) -> HAVE(ALL_OF(TO(e))) : back[e])
	:: message == SYNC && busy[TO(e)] != NOBODY ->
		back[e] = (session == NOW_OF(e) -> WAIT : back[e])
	:: message == DONE ->
		if
		:: busy[TO(e)] == session -> busy[TO(e)] = NOBODY
		:: else -> skip
		fi
	fi
}

#ifdef BUG_BOOKMARK_AFTER
#define FEED_IS_READ(e) (compare[e] == QUIET)
#define MAY_REPAIR_NOW(e) true
#else
#define FEED_IS_READ(e) true
#define MAY_REPAIR_NOW(e) (news[e] == 0) /* live changes first */
#endif

#define SEND_NEWS(e, c) \
	d_step { \
		up[e] && news[e] & 1 << (c) && FEED_IS_READ(e) && \
				HAS_ROOM(e) -> \
			news[e] = news[e] & ~(1 << (c)); \
			PASSED(e, passed[e] | 1 << (c)); \
			SEND(e, AT(c, held[AT_OF(FROM(e), c)])) \
	}

#define SEND_MISSING(e, c) \
	d_step { \
		compare[e] == REPAIRING && missing[e] & 1 << (c) && \
				MAY_REPAIR_NOW(e) && HAS_ROOM(e) -> \
			missing[e] = missing[e] & ~(1 << (c)); \
			SEND(e, AT(c, held[AT_OF(FROM(e), c)])) \
	}

#ifdef TOO_NEW
#define LEAVE_OUT(e, c) \
	d_step { \
		compare[e] == REPAIRING && missing[e] & 1 << (c) && \
				!spared[e] -> \
			missing[e] = missing[e] & ~(1 << (c)); \
			again[e] = true; \
			spared[e] = true \
	}
#else
#define LEAVE_OUT(e, c) false
#endif

proctype link(byte e)
{
end:
	do
	/* The dialler. */
	:: d_step { !up[e] -> open(e) }
	:: SEND_NEWS(e, 0)
	:: d_step {
		compare[e] == DUE && busy[TO(e)] == NOBODY &&
				MAY_REPAIR_NOW(e) && HAS_ROOM(e) ->
			SEND(e, SYNC);
			compare[e] = ASKED
	}
	:: d_step {
		back[e] != 0 ->
			if
			:: back[e] == WAIT -> compare[e] = DUE
			:: else -> find_missing(e)
			fi;
			back[e] = 0
	}
	:: SEND_MISSING(e, 0)
	:: LEAVE_OUT(e, 0)
#if CLIENTS == 2
	:: SEND_NEWS(e, 1)
	:: SEND_MISSING(e, 1)
	:: LEAVE_OUT(e, 1)
#endif
	:: d_step {
		compare[e] == REPAIRING && missing[e] == 0 &&
				MAY_REPAIR_NOW(e) && HAS_ROOM(e) ->
			SEND(e, DONE);
#ifdef BUG_BOOKMARK_AFTER
			news[e] = 0;
#endif
#if defined TOO_NEW && !defined BUG_LEFT_OUT_FORGOTTEN
			compare[e] = (again[e] -> DUE : QUIET);
			again[e] = false
#else
			compare[e] = QUIET
#endif
	}

	/* The acceptor. */
	:: d_step {
		wire[e] != 0 ->
			message = wire[e] & 15;
			wire[e] = wire[e] >> 4;
			session = NOW_OF(e);
			teller = FROM(e);
			obey(e)
	}
	:: d_step {
		rest[e] != 0 ->
			message = rest[e] & 15;
			rest[e] = rest[e] >> 4;
			session = REST_OF(e);
			teller = (orphaned[e] -> NO_SERVER : FROM(e));
			obey(e);
			orphaned[e] = orphaned[e] && rest[e] != 0
	}
	:: d_step {
		rest[e] != 0 || busy[TO(e)] == REST_OF(e) -> end_rest(e)
	}
	od
}

/* --- what happens to them ------------------------------------------------- */

/* A client tells this to one of the servers, or to none. */
proctype tell(byte c; byte v)
{
	if
	:: d_step { true -> put(0, c, v, NO_SERVER) }
	:: d_step { true -> put(1, c, v, NO_SERVER) }
	:: d_step { true -> put(2, c, v, NO_SERVER) }
	:: skip
	fi
}

#define LOSE(e)  d_step { losses > 0 && up[e] -> lose(e); losses-- }
#define CRASH(w) d_step { crashes > 0 -> crash(w); crashes-- }

proctype trouble()
{
	byte losses = LOSSES;
	byte crashes = CRASHES;

	do
	:: LOSE(0)
	:: LOSE(1)
	:: LOSE(2)
	:: LOSE(3)
#ifdef TRIANGLE
	:: LOSE(4)
	:: LOSE(5)
#endif
#ifdef VICTIM
	:: CRASH(VICTIM)
#else
	:: CRASH(0)
	:: CRASH(1)
	:: CRASH(2)
#endif
	:: break
	od
}

/* When nothing more can happen. */
proctype judge()
{
	timeout;
	d_step {
		i = 0;
		do
		:: i < LINKS ->
			assert(up[i] && news[i] == 0 && compare[i] == QUIET);
			assert(wire[i] == 0 && back[i] == 0 && rest[i] == 0);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < SERVERS ->
			assert(busy[i] == NOBODY);
			assert(ALL_OF(i) == ALL_OF(0));
			i++
		:: else -> break
		od
	}
}

/* A herd at rest that knows nothing yet; COLD: before its first links. */
init
{
	atomic {
		i = 0;
		do
		:: i < LINKS ->
#ifndef COLD
			up[i] = true;
#endif
			compare[i] = QUIET;
			run link(i);
			i++
		:: else -> break
		od;
		run tell(0, 2);
#if UPDATES >= 2
		run tell(0, 3);
#endif
#if UPDATES >= 3
		run tell(0, 1);
#endif
#if CLIENTS == 2
		run tell(1, 1);
#endif
		run trouble();
		run judge()
	}
}
