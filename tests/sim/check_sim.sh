#!/usr/bin/env bash
# Herds in a simulated world, each seed another one: tests/sim/README.md. The
# sanitizers see fewer of them, as they take their time.
set -euo pipefail

: "${HERD_SIM:?the path of the simulator}"

seeds=1-10000
case ${HERD_CFLAGS-} in
*-fsanitize=*) seeds=1-300 ;;
esac

# The same seed is the same run, whatever the machine does meanwhile.
for seed in 3 7 19; do
	once=$("$HERD_SIM" --seed $seed --verbose | sha256sum)
	again=$("$HERD_SIM" --seed $seed --verbose | sha256sum)
	[ "$once" = "$again" ] || {
		echo "seed $seed went another way the second time" >&2
		exit 1
	}
done

exec "$HERD_SIM" --seeds "$seeds"
