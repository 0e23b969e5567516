/* loop - requests on lasting connections.
 *
 *   closed   each connection has o->pipeline requests under way: what was
 *            answered is asked again, as a pipelining client does
 *   open     requests arrive at a rate, at random moments, whatever the server
 *            does; a time is from the moment of arrival, so that a server that
 *            stalls is late for all that came meanwhile, too
 *   clients  closed, each id once */
#ifndef HERD_LOOP_H
#define HERD_LOOP_H

#include "driver.h"

extern const struct driver_work loop_closed, loop_open, loop_clients;

#endif
