#!/bin/bash
# quick.sh - what an update costs: herd in both designs beside the least that is
# possible (floor.c, echo.c), memcached and redis, in less than two minutes.
#
# usage: HERDD=... HERD_BENCH=... FLOOR=... ECHO=... quick.sh [ROUNDS [SECONDS]]
#
# Servers are pinned to CPU 0, the driver to CPU 1. Absolute times on a shared
# machine mean little, ratios of one run mean something: each round measures all
# of them in turn, and ratios are made round by round. memcached and redis-server
# are measured when they are installed (Debian packages of those names).
set -u
rounds=${1:-7} seconds=${2:-0.7}
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/bench/servers.sh
. "$(dirname "$0")/servers.sh"

machine
start_all
for pipeline in 16 1; do
	rounds "$rounds" "p$pipeline" "$names" closed --pipeline "$pipeline" \
		--cpus 1 --time "$seconds" --warm-up 0.2
	echo
	echo "64 connections, $pipeline under way on each, 10000 ids," \
		"$rounds rounds:"
	report table "p$pipeline"
done
echo
machine
exit $((failures > 0))
