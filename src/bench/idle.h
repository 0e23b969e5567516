/* idle - connections that say nothing, and stay until the driver is stopped. A
 * time is that of connecting.
 *
 * Once in a while, and at the end, one of them asks: a server answers on the
 * connections it has accepted, and it accepts them in their order. */
#ifndef HERD_IDLE_H
#define HERD_IDLE_H

#include "driver.h"

extern const struct driver_work idle_work;

#endif
