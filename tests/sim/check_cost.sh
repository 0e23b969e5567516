#!/usr/bin/env bash
# What an update costs a simulated herd is what arithmetic says: cost.c. The
# sanitizers have sim.
set -euo pipefail

case ${HERD_CFLAGS-} in
*-fsanitize=*) exit 77 ;;
esac
exec "${HERD_COST:?the path of the program}" --check
