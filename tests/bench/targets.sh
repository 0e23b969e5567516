#!/bin/bash
# targets.sh - what herd is meant to reach, and what it does: some ten minutes.
#
# usage: HERDD=... HERD_BENCH=... FLOOR=... ECHO=... \
#	targets.sh [ROUNDS [MEASUREMENT]...]
#
# MEASUREMENT is a function of this file; without one, all of them.
# Ratios within one run, made round by round; printed are the median and the
# range of them. Unless said otherwise 64 connections update 10000 clients, with
# log.messages off, the server on CPU 0 and the driver on CPU 1. What is not
# installed (memcached, redis-server) is left out. See servers.sh, quick.sh.
# shellcheck disable=SC2317  # measurements are called by their names
set -u
rounds=${1:-5}
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/bench/servers.sh
. "$(dirname "$0")/servers.sh"

short=(--time 1 --warm-up 0.2)
cpu=server_cpu_us
rate=requests_per_s

heading() {
	printf '\n%s\n' "$*"
}

line() { # TEXT TARGET MEASURED
	printf '  %-46s %-10s %s\n' "$@"
}

ratio() { # TEXT TARGET ROW A B FIGURE
	line "$1" "$2" "$(report ratio "${@:3}")"
}

value() { # TEXT TARGET ROW A FIGURE [FACTOR]
	line "$1" "$2" "$(report value "${@:3}")"
}

# The same for both designs, each with its own name.
ratios() { # TEXT TARGET ROW B FIGURE
	local design
	for design in threaded single; do
		ratio "$1, $design" "$2" "$3" "herd-$design" "$4" "$5"
	done
}

# --- one server on CPU 0, the driver on CPU 1 ------------------------------------

one_server() {
	local pipeline
	heading "CPU per update by the floor's; updates/s by memcached's and redis'"
	for pipeline in 16 1; do
		rounds "$rounds" "p$pipeline" "$names" closed \
			--pipeline "$pipeline" --cpus 1 "${short[@]}"
	done
	ratios "CPU x floor, P=16" "<= 1.60" p16 floor "$cpu"
	ratios "CPU x floor, P=1" "<= 1.10" p1 floor "$cpu"
	ratios "rate x memcached, P=16" ">= 2.0" p16 memcached "$rate"
	ratios "rate x redis, P=16" ">= 2.0" p16 redis "$rate"
	ratios "rate x memcached, P=1" ">= 1.3" p1 memcached "$rate"
	ratios "rate x redis, P=1" ">= 1.3" p1 redis "$rate"
}

open_loop() {
	heading "Open loop, 100000 updates/s"
	rounds "$rounds" open "$names" open --rate 100000 --cpus 1 "${short[@]}"
	ratios "p99 x floor" "<= 1.2" open floor latency.p99_us
	ratios "p99 x memcached" "<= 1.0" open memcached latency.p99_us
	value "p99 of the floor, us" "" open floor latency.p99_us
	value "of that, the driver's own, us" "" open floor generator_late_p99_us
}

connecting() {
	heading "Connect, one update, close"
	rounds "$rounds" connect "$names" connect --cpus 1 "${short[@]}"
	ratios "rate x memcached" ">= 1.2" connect memcached "$rate"
	value "connections/s, threaded" "" connect herd-threaded "$rate"
}

python_servers() {
	local kind kinds=()
	heading "Beside Python's asyncio, P=16"
	for kind in asyncio-protocol asyncio-streams; do
		"$here/contenders/run.sh" --has "$kind" || continue
		start_contender "$kind" "$kind" 0
		kinds+=("$kind")
	done
	[ ${#kinds[@]} -gt 0 ] || return
	rounds 3 python "herd-threaded herd-single ${kinds[*]}" closed \
		--pipeline 16 --cpus 1 "${short[@]}"
	ratios "rate x asyncio Protocol" ">= 8" python asyncio-protocol "$rate"
	ratios "rate x asyncio streams" ">= 20" python asyncio-streams "$rate"
	for kind in "${kinds[@]}"; do
		stop "$kind"
	done
}

neighbours() {
	local design
	heading "Two live neighbours, P=16"
	for design in threaded single; do
		start_herd_of "herd-$design-3" "$design" 0 1 \
			"Goloman-Hands Goloman-Holiday"
		await_links "herd-$design-3" Goloman 2
	done
	rounds "$rounds" neighbours "floor herd-threaded-3 herd-single-3" closed \
		--pipeline 16 --cpus 1 "${short[@]}"
	for design in threaded single; do
		ratio "CPU x floor, $design" "<= 2.0" neighbours \
			"herd-$design-3" floor "$cpu"
		stop "herd-$design-3"
	done
}

# These servers end up with a million clients each.
million() {
	local name
	heading "A million clients: 20 bytes of id"
	for name in herd-threaded herd-single memcached redis; do
		[ -n "${server_pid[$name]-}" ] && measure clients "$name" 0 \
			clients --ids 1000000 --pipeline 64 --cpus 1
	done
	rounds "$rounds" million "$names" closed --ids 1000000 --pipeline 16 \
		--cpus 1 "${short[@]}"
	ratios "CPU x floor, P=16" "<= 2.8" million floor "$cpu"
	for name in herd-threaded herd-single; do
		value "bytes per client, $name" "<= 170" clients "$name" \
			server_memory_per_client_bytes
	done
	ratio "bytes per client x memcached" "" clients herd-threaded \
		memcached server_memory_per_client_bytes
}

idle() {
	local name
	heading "5000 idle connections"
	for name in herd-threaded herd-single memcached redis; do
		[ -n "${server_pid[$name]-}" ] && measure idle "$name" 0 idle \
			--connections 5000 --cpus 1 --time 0.5
		[ -n "${server_pid[$name]-}" ] && value "bytes each, $name" \
			"$([[ $name = herd* ]] && echo '<= 256')" idle "$name" \
			server_memory_per_connection_bytes
	done
}

# --- two CPUs ---------------------------------------------------------------------

two_workers() {
	local pipeline
	heading "Two workers, two driver threads, nothing pinned by hand"
	has memcached || { echo "  memcached is not installed" && return; }
	start_herd herd-2 threaded any 2
	start_memcached memcached-2 any 2
	for pipeline in 16 1; do
		rounds "$rounds" "two$pipeline" "herd-2 memcached-2" closed \
			--pipeline "$pipeline" --threads 2 "${short[@]}"
	done
	ratio "rate x memcached -t2, P=16" ">= 3.0" two16 herd-2 memcached-2 "$rate"
	ratio "rate x memcached -t2, P=1" ">= 1.5" two1 herd-2 memcached-2 "$rate"
	stop herd-2
	stop memcached-2
}

# One worker and one driver thread on CPU 0 (row "one") against two and two.
doubling() {
	local pipeline round name
	heading "Core doubling: ideal is 2"
	start_herd herd-one threaded 0 1
	start_herd herd-two threaded any 2
	start_bare floor-one 0 herd "$FLOOR"
	start_bare floor-two any herd "$FLOOR" -w 2 -a
	for pipeline in 16 1; do
		for ((round = 0; round < rounds; round++)); do
			for name in herd floor; do
				measure "cores$pipeline" "$name-one" "$round" \
					closed --pipeline "$pipeline" \
					--cpus 0 "${short[@]}"
				measure "cores$pipeline" "$name-two" "$round" \
					closed --pipeline "$pipeline" --threads 2 \
					--connections 128 --cpus 0,1 "${short[@]}"
			done
		done
		for name in herd floor; do
			ratio "rate x one core's, P=$pipeline, $name" \
				"$([ "$name" = herd ] && echo '>= 1.90')" \
				"cores$pipeline" "$name-two" "$name-one" "$rate"
		done
	done
	stop herd-one
	stop herd-two
	stop floor-one
	stop floor-two
}

# --- the log ------------------------------------------------------------------------

# Sets `logged` (MB/s) and `dropped` (lines) of what is logged meanwhile.
log_grew() { # NAME SECONDS BYTES-BEFORE DROPPED-BEFORE
	logged=$(awk -v n="$(stat -c %s "$dir/$1/Goloman.log")" -v b="$3" \
		-v s="$2" 'BEGIN { printf "%.0f", (n - b) / s / 1e6 }')
	dropped=$(($(lines_dropped "$1") - $4))
}

lines_dropped() { # NAME
	sed -n 's/.* lines dropped: \([0-9]*\) .*/\1/p' "$dir/$1/Goloman.log" |
		awk '{ n += $1 } END { print n + 0 }'
}

messages() {
	local name=herd-messages step bytes before
	heading "log.messages on, P=16"
	start_herd "$name" threaded 0,1 1 true
	start_herd herd-quiet threaded 0,1 1
	bytes=$(stat -c %s "$dir/$name/Goloman.log")
	before=$(lines_dropped "$name")
	rounds 3 messages "herd-quiet $name" closed --pipeline 16 --cpus 1 \
		"${short[@]}"
	log_grew "$name" 3.6 "$bytes" "$before"
	ratio "CPU of the worker x without" "<= 1.25" messages "$name" \
		herd-quiet "server_thread_cpu_us.worker 0"
	ratio "CPU of the process x without" "" messages "$name" herd-quiet "$cpu"
	line "MB/s; lines dropped" "" "$logged; $dropped"
	for step in 25000 50000 100000 200000 400000 800000; do
		before=$(lines_dropped "$name")
		measure log-rate "$name" "$step" open --rate "$step" --cpus 1 \
			"${short[@]}"
		sleep 1.2 # what was dropped is told with the next lines
		measure log-told "$name" "$step" open --rate 100 --cpus 1 \
			--time 0.1 --warm-up 0
		log_grew "$name" 1 0 "$before"
		line "lines dropped at $step updates/s" "" "$dropped"
		[ "$dropped" -gt 0 ] && break
	done
	stop "$name"
	stop herd-quiet
}

# --- herds ----------------------------------------------------------------------------

four_hops() {
	local design round
	heading "An update over four links, 1000/s: microseconds"
	for design in threaded single; do
		start_herd_of "chain-$design" "$design" any any \
			"Alpha-Bravo Bravo-Charlie Charlie-Delta Delta-Echo" Echo
		for ((round = 0; round < 3; round++)); do
			note hops "$design" "$round" flood --config \
				"$dir/chain-$design/herd.conf" --write Alpha \
				--watch Delta --as Echo --rate 1000 --time 2
		done
		value "median, $design" "< 500" hops "$design" flood_latency.p50_us
		value "p99, $design" "" hops "$design" flood_latency.p99_us
		value "lost, $design" "0" hops "$design" lost
		stop "chain-$design"
	done
}

# The driver plays a sixth server, behind Welsh: the one farthest away.
all_five() {
	local design round
	heading "As many updates as all five of the default herd take"
	for design in threaded single; do
		start_herd_of "five-$design" "$design" any any "Goloman-Hands \
Goloman-Holiday Goloman-Wilkes Hands-Wilkes Holiday-Welsh Holiday-Wilkes \
Welsh-Xenia" Xenia
		for ((round = 0; round < 3; round++)); do
			note five "$design" "$round" flood --config \
				"$dir/five-$design/herd.conf" --write Goloman \
				--watch Welsh --as Xenia --rate 0 --time 3 \
				--pipeline 16 --pid "$(flood_pids "five-$design")"
		done
		value "updates/s until all agree, $design" "" five "$design" \
			updates_per_s_until_all_agree
		value "seconds after the last, $design" "" five "$design" agree_s
		value "CPU us per update, all five, $design" "" five "$design" \
			cpu_us_per_update
		stop "five-$design"
	done
}

wanted=${*:2}
machine
printf '\n  %-46s %-10s %s\n' measure target "measured: median (range)"
start_all
make_each one_server open_loop connecting python_servers neighbours idle million
for name in $names; do
	stop "$name"
done
make_each two_workers doubling messages four_hops all_five
echo
machine
exit $((failures > 0))
