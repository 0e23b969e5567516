#!/bin/bash
# bench.sh - what a request costs: herd in both designs beside memcached and
# redis, in one run.
#
# usage: bench.sh HERDD LOAD [ROUNDS [SECONDS]]
#
# Servers are pinned to CPU 0, the load driver to CPU 1. Each round measures every
# server once, in turn, so that the machine's moods hit all of them; printed are
# the median and the range of the CPU time per request, and the ratio of the
# medians to memcached's. Absolute times on a shared machine mean little, ratios
# of one run mean something. memcached and redis-server are measured when they are
# installed (Debian packages of those names).
set -u
herdd=$1 load=$2 rounds=${3:-5} seconds=${4:-2}
names=()
specs=()
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

start() { # NAME KIND PORT COMMAND...
	local name=$1 kind=$2 port=$3
	shift 3
	taskset -c 0 "$@" > "$dir/$name.out" 2>&1 &
	pids+=($!)
	names+=("$name")
	specs+=("$kind 127.0.0.1:$port $!")
	await "$port"
}

start_herd() { # NAME DESIGN
	local port
	port=$(free_port)
	cat > "$dir/$1.conf" <<-EOF
	threading = "$2";
	workers = 1;
	servers = ( { name = "Goloman"; host = "127.0.0.1"; port = $port; } );
	log = { directory = "$dir"; messages = false; };
	limits = { connections = 1000; };
	EOF
	start "$1" herd "$port" "$herdd" -c "$dir/$1.conf" Goloman
}

start_herd herd-threaded threaded
start_herd herd-single single
if command -v memcached > /dev/null; then
	port=$(free_port)
	start memcached memcached "$port" \
		memcached -u nobody -t 1 -l 127.0.0.1 -p "$port"
fi
if command -v redis-server > /dev/null; then
	port=$(free_port)
	start redis redis "$port" \
		redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no
fi

for pipeline in 1 16; do
	for ((round = 0; round < rounds; round++)); do
		for i in "${!names[@]}"; do
			# shellcheck disable=SC2086  # KIND HOST:PORT PID
			taskset -c 1 "$load" ${specs[$i]} 64 "$pipeline" 10000 \
				"$seconds" | sed "s/^/${names[$i]} /"
		done
	done > "$dir/results"
	echo "64 connections, $pipeline request(s) under way on each, 10000 ids," \
		"$rounds rounds"
	sort -k1,1 -k4,4n "$dir/results" | awk '
		{ n[$1]++; cpu[$1, n[$1]] = $4; if ($2 > rate[$1]) rate[$1] = $2 }
		END {
			base = cpu["memcached", int((n["memcached"] + 1) / 2)]
			for (s in n) {
				m = cpu[s, int((n[s] + 1) / 2)]
				printf "  %-14s median %7.3f us CPU/request" \
					" (%.3f to %.3f), best %8d answers/s", s, m,
					cpu[s, 1], cpu[s, n[s]], rate[s]
				if (base)
					printf ", %.2f x memcached", m / base
				print ""
			}
		}' | sort
done
