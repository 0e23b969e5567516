/* bench_flood - how long an update takes through a herd, and how many a herd
 * takes: herd-bench's mode "flood".
 *
 *   herd-bench --IAMAT--> write ... watch --AT--> herd-bench, which plays `as`
 *
 * It reads the herd's configuration, listens where `as` would, waits for the link
 * that `watch` dials, and answers on it as a neighbour does that holds nothing
 * and asks for nothing; it passes nothing on. Other neighbours of `as` may link,
 * too; what they send is checked and not counted.
 *
 * With a rate: so many updates per second, each of which is watched for: how long
 * after the moment it was to be sent has its AT line arrived? What has not come
 * two seconds after the last is lost, unless a later update of that client has
 * (the two coalesced).
 * With rate 0: as many as the server takes on these connections, this pipeline
 * and for that time; then how soon all servers of the file that run on this
 * machine hold the same, and the last has arrived here.
 *
 * If `watch` is plain (herd(7)), there is no link to wait for: updates are sent
 * until one has come. And nothing can be compared: with rate 0 the end is when
 * everything has arrived.
 *
 * What the servers whose control sockets answer have sent each other meanwhile is
 * told as well.
 *
 * Every answer has to be that of an update of ours, to the byte; so has every AT
 * line, unless there are plain servers, which may write numbers anew.
 *
 * Of the options it uses conf_path, write, watch, as, rate, connections,
 * pipeline, ids, time_s, warm_up_s (with a rate) and pids.
 * Threads: owner only; blocks. */
#ifndef HERD_BENCH_FLOOD_H
#define HERD_BENCH_FLOOD_H

#include "herd/base.h"
#include "herd/bench_options.h"
#include "herd/figures.h"

#define BENCH_FLOOD_ERROR_MAX 1024

/* 0; -errno, and in `error` (BENCH_FLOOD_ERROR_MAX bytes) one line for people;
 * the figures are of no use then. */
HERD_MUST_CHECK int bench_flood(
	const struct bench_options *o, struct figures *f, char *error);

#endif
