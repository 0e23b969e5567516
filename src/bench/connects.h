/* connects - connections that last one request: connect, ask, close, again.
 * Each of the driver's connections is a place where that happens, one after the
 * other. A time is from before connecting to the answer. */
#ifndef HERD_CONNECTS_H
#define HERD_CONNECTS_H

#include "driver.h"

extern const struct driver_work connects_work;

#endif
