#!/bin/bash
# bench.sh - the whole comparison: herd in both designs, the least that is
# possible, memcached and redis, and herds in Python, Node.js and Java.
#
# usage: HERDD=... HERD_BENCH=... FLOOR=... ECHO=... WHATSAT=... HERD_PLACES=... \
#	bench.sh DIRECTORY [ROUNDS [MEASUREMENT]...]
#
# MEASUREMENT is a function of this file; without one, all of them: less than
# twenty minutes with five rounds. DIRECTORY gets results.tsv, with a line for
# each measurement, and machine.tsv; write_report.py makes a report of them.
# Every round measures all servers in turn, so that the machine's moods hit all
# of them. What is not installed is said and left out. See servers.sh.
# shellcheck disable=SC2317  # measurements are called by their names
set -u
out=$1 rounds=${2:-5}
wanted=${*:3}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || {
	echo "bench: ROUNDS is a number, not $rounds" >&2
	exit 2
}
began=$(date +%s)
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/bench/servers.sh
. "$(dirname "$0")/servers.sh"
few=$(((rounds + 1) / 2)) # rounds of most
short=(--time 0.7 --warm-up 0.2)
herd_places=${HERD_PLACES-} data=$here/../../data/places.tsv
skipped=()

known="pipelines offered_load connecting memory doubling unpinned mixed sizes
languages"
for name in $wanted; do
	[[ " ${known//$'\n'/ } " = *" $name "* ]] || {
		echo "bench: no measurement $name; there are: ${known//$'\n'/ }" >&2
		exit 2
	}
done
mkdir -p "$out" && rm -f "$out"/* || exit 1
results=$out/results.tsv
: > "$results"

say() {
	echo "bench: $(($(date +%s) - began)) s: $*"
}

# --- who takes part ---------------------------------------------------------------

# Sets `contenders` and `skipped`: known by what is installed.
find_contenders() {
	local kind why
	contenders=
	for kind in java-nio java-threads node asyncio-protocol asyncio-uvloop \
		asyncio-streams; do
		if why=$(bash "$here/contenders/run.sh" --has "$kind" 2>&1); then
			contenders+=" $kind"
		else
			skipped+=("$kind: $why")
		fi
	done
	has memcached || skipped+=("memcached: install the package memcached")
	has redis-server || skipped+=("redis: install the package redis-server")
	[ -x "$herd_places" ] || skipped+=("mixed load: herd-places was not built")
	for why in "${skipped[@]}"; do
		say "not measured: $why"
	done
}

# All on CPU 0. The virtual machines have compiled what is hot before anything
# is counted. Sets `names`.
start_each() {
	local kind
	start_all
	names=${names/echo/}
	for kind in $contenders; do
		start_contender "$kind" "$kind" 0
	done
	names+=" $contenders echo"
	for kind in $contenders; do
		measure warm "$kind" 0 closed --pipeline 16 --cpus 1 --time 2 \
			--warm-up 0
	done
}

stop_each() {
	local name
	for name in $names; do
		stop "$name"
	done
}

# --- one server on CPU 0, the driver on CPU 1 ---------------------------------------

# What needs no warming up is a new process in each round.
pipelines() {
	local pipeline count kind fresh=$names
	for kind in $contenders; do
		fresh=${fresh/ $kind/}
	done
	[ -z "$contenders" ] || rounds 1 warm "$contenders" closed --cpus 1 \
		--time 2 --warm-up 0
	for pipeline in 1 4 16 64; do
		say "$pipeline under way on each of 64 connections"
		count=$few
		[[ $pipeline = 4 || $pipeline = 64 ]] || count=$rounds
		rounds "$count" "p$pipeline" "$names" closed \
			--pipeline "$pipeline" --cpus 1 "${short[@]}"
	done
}

# A server that has fallen behind once is not asked for more.
offered_load() {
	local rate round name behind=' '
	for rate in 5000 50000 100000 200000; do
		say "$rate updates/s"
		for ((round = 0; round < few; round++)); do
			# shellcheck disable=SC2086  # words
			for name in $(in_turn "$round" ${names/echo/}); do
				[[ $behind = *" $name "* ]] || measure \
					"open$rate" "$name" "$round" open \
					--rate "$rate" --cpus 1 \
					--time 0.7 --warm-up 0.2
			done
		done
		for name in ${names/echo/}; do
			[[ $behind = *" $name "* ]] || keeps_up "$name" "$rate" ||
				behind+="$name "
		done
	done
}

keeps_up() { # NAME RATE
	[ "$(report value "open$2" "$1" requests_per_s |
		awk -v rate="$2" '{ print ($1 + 0 > 0.97 * rate) }')" = 1 ]
}

connecting() {
	say "connect, one update, close"
	rounds 1 warm "${names/echo/}" connect --cpus 1 --time 1 --warm-up 0
	rounds "$few" connect "${names/echo/}" connect --cpus 1 "${short[@]}"
}

# Last: these servers end up with a million clients each.
memory() {
	local name
	say "memory of connections and of clients"
	# What a server sets aside for all, a log's buffer say, is in use then.
	rounds 1 warm "${names/echo/}" connect --cpus 1 --time 1 --warm-up 0
	for name in ${names/echo/}; do
		measure idle "$name" 0 idle --connections 5000 --cpus 1 \
			--time 0.5
	done
	for name in ${names/echo/}; do
		[ "$name" = floor ] || measure clients "$name" 0 clients \
			--ids 1000000 --pipeline 64 --cpus 1
	done
	rounds "$few" million "${names/echo/}" closed --ids 1000000 \
		--pipeline 16 --cpus 1 "${short[@]}"
}

one_cpu() {
	local all="pipelines offered_load connecting memory" any=$wanted name
	for name in $all; do
		[[ " $wanted " = *" $name "* ]] && any=
	done
	[ -z "$any" ] || return 0
	start_each
	# shellcheck disable=SC2086  # words
	make_each $all
	stop_each
}

# --- two CPUs -------------------------------------------------------------------------

# One worker and one driver thread on CPU 0, NAME-one, beside two and two,
# NAME-two.
doubling() {
	local pipeline round name fresh pairs="floor herd"
	say "one core and two"
	start_bare floor-one 0 herd "$FLOOR"
	start_bare floor-two 0,1 herd "$FLOOR" -w 2 -a
	start_bare floor-by-turns-two 0,1 herd "$FLOOR" -w 2
	start_herd herd-one threaded 0 1
	start_herd herd-two threaded 0,1 2
	fresh="floor-one floor-two floor-by-turns-two herd-one herd-two"
	if has memcached; then
		start_memcached memcached-one 0 1
		start_memcached memcached-two 0,1 2
		pairs+=" memcached"
		fresh+=" memcached-one memcached-two"
	fi
	for name in java-nio java-threads; do
		[[ " $contenders " = *" $name "* ]] || continue
		start_contender "$name-one" "$name" 0
		start_contender "$name-two" "$name" 0,1
		pairs+=" $name"
		for pipeline in 16 1; do
			on_one warm "$name" 0 "$pipeline" --time 2 --warm-up 0
			on_two warm "$name" 0 "$pipeline" --time 2 --warm-up 0
		done
	done
	for pipeline in 1 16; do
		for ((round = 0; round < few; round++)); do
			# shellcheck disable=SC2086  # words
			restart $fresh
			# shellcheck disable=SC2086  # words
			for name in $(in_turn "$round" $pairs); do
				core_pair "cores$pipeline" "$name" "$round" \
					"$pipeline" "${short[@]}"
			done
		done
	done
	for name in $pairs; do
		stop "$name-one"
		stop "$name-two"
	done
	stop floor-by-turns-two
}

# The floor in both of its ways is compared with the same one.
core_pair() { # ROW NAME ROUND PIPELINE OPTION...
	local first=on_one second=on_two
	[ $(($3 % 2)) = 0 ] || first=on_two second=on_one
	"$first" "$@"
	[ "$2" != floor ] || on_two "$1" floor-by-turns "${@:3}"
	"$second" "$@"
}

on_one() { # ROW NAME ROUND PIPELINE OPTION...
	measure "$1" "$2-one" "$3" closed --pipeline "$4" --cpus 0 "${@:5}"
}

on_two() { # the same
	measure "$1" "$2-two" "$3" closed --pipeline "$4" --threads 2 \
		--connections 128 --cpus 0,1 "${@:5}"
}

# What a user of such a machine gets: nobody pins anything by hand. (herdd pins its
# two workers.)
unpinned() {
	local pipeline name all="herd-threaded herd-single"
	say "both CPUs for servers and driver, nothing pinned by hand"
	start_herd herd-threaded threaded any 0
	start_herd herd-single single any 0
	if has memcached; then
		start_memcached memcached any 2
		all+=" memcached"
	fi
	for name in $contenders; do
		start_contender "$name" "$name" any
		measure warm "$name" 0 closed --pipeline 16 --threads 2 \
			--time 2 --warm-up 0
		all+=" $name"
	done
	for pipeline in 1 16; do
		rounds "$few" "any$pipeline" "$all" closed \
			--pipeline "$pipeline" --threads 2 "${short[@]}"
	done
	for name in $all; do
		stop "$name"
	done
}

# --- mixed load -----------------------------------------------------------------------

# IAMATs, one every millisecond, at a server that is sent 2000 WHATSATs per
# second, or has 1000 under way: the provider's answers come after 100 ms and are
# cut by herdd.
mixed() {
	local design round
	[ -x "$herd_places" ] || return 0
	say "heavy WHATSATs beside IAMATs"
	start_places far --delay 100
	start_herd other single any 0
	for design in threaded single; do
		start_herd "mixed-$design" "$design" any 0 false "$url"
	done
	for ((round = 0; round < few; round++)); do
		for design in $(in_turn "$round" threaded single); do
			ask_places "$design" "$round"
		done
	done
	stop mixed-threaded
	stop mixed-single
	stop other
}

ask_places() { # DESIGN ROUND
	"$WHATSAT" beside 2 127.0.0.1:"${server_port[mixed-$1]}" \
		127.0.0.1:"${server_port[other]}" 2000 > "$dir/out" &&
		grep -qx 'errors 0.000' "$dir/out" || {
		failures=$((failures + 1))
		echo "bench: mixed, $1: $(grep errors "$dir/out")" >&2
		return
	}
	printf 'mixed\therd-%s\t%s\t%s\n' "$1" "$2" "$(awk '
		{ printf("%s\"%s\": %s", (NR > 1 ? ", " : "{"), $1, $2) }
		END { print "}" }' "$dir/out")" >> "$results"
}

# --- herds ------------------------------------------------------------------------------

# The edges of a herd of N servers S1, S2, ..., and M, which the driver plays,
# beside the one that is farthest from the writer. Sets `edges`, `writer` and
# `watched`.
draw_herd() { # TOPOLOGY N
	local n=$2 i j
	edges=
	writer=S1 watched=S$n
	case $1 in
	chain | ring)
		for ((i = 1; i < n; i++)); do
			edges+="S$i-S$((i + 1)) "
		done
		[ "$1" = chain ] || { edges+="S$n-S1 " watched=S$((n / 2 + 1)); }
		;;
	star)
		for ((i = 2; i <= n; i++)); do
			edges+="S1-S$i "
		done
		writer=S2
		;;
	mesh)
		for ((i = 1; i <= n; i++)); do
			for ((j = i + 1; j <= n; j++)); do
				edges+="S$i-S$j "
			done
		done
		;;
	esac
	edges+="$watched-M"
}

await_herd() { # NAME EDGES: all links between its servers are up
	local edge
	local -A links=()
	for edge in $2; do
		[[ $edge = *-M ]] && continue
		links[${edge%-*}]=$((${links[${edge%-*}]-0} + 1))
		links[${edge#*-}]=$((${links[${edge#*-}]-0} + 1))
	done
	for edge in "${!links[@]}"; do
		await_links "$1" "$edge" "${links[$edge]}"
	done
}

sizes() {
	local topology n
	for n in 1 2 5 10 20; do
		for topology in chain ring star mesh; do
			[ "$n" -gt 2 ] || [ "$topology" = chain ] || continue
			say "a herd of $n: $topology"
			measure_size "$topology" "$n"
		done
	done
}

measure_size() { # TOPOLOGY N
	local design round name
	draw_herd "$1" "$2"
	for design in threaded single; do
		name=$1$2-$design
		start_herd_of "$name" "$design" any any "$edges" M
		await_herd "$name" "$edges"
	done
	for ((round = 0; round < few; round++)); do
		for design in $(in_turn "$round" threaded single); do
			flood "hops-$1-$2" "$1$2-$design" "herd-$design" \
				"$round" --rate 200 --time 0.6 --warm-up 0.2
			flood "load-$1-$2" "$1$2-$design" "herd-$design" \
				"$round" --rate 0 --time 0.5 --pipeline 16 \
				--ids 50000
		done
	done
	stop "$1$2-threaded"
	stop "$1$2-single"
}

flood() { # ROW HERD SERVER ROUND OPTION...
	note "$1" "$3" "$4" flood --config "$dir/$2/herd.conf" \
		--write "$writer" --watch "$watched" --as M \
		--pid "$(flood_pids "$2")" "${@:5}"
}

# The default herd, in all languages: M is behind Welsh, the farthest away.
languages() {
	local kind round all="herd-threaded herd-single $contenders"
	say "the default herd of five, in each language"
	edges="Goloman-Hands Goloman-Holiday Goloman-Wilkes Hands-Wilkes"
	edges+=" Holiday-Welsh Holiday-Wilkes Welsh-M"
	writer=Goloman watched=Welsh
	for kind in threaded single; do
		start_herd_of "five-herd-$kind" "$kind" any any "$edges" M
		await_herd "five-herd-$kind" "$edges"
	done
	for kind in $contenders; do
		start_contenders_of "five-$kind" "$kind" any any "$edges" M
		flood warm "five-$kind" "$kind" 0 --rate 0 --time 3 \
			--pipeline 16 --ids 50000
	done
	for ((round = 0; round < few; round++)); do
		# shellcheck disable=SC2086  # words
		for kind in $(in_turn "$round" $all); do
			flood five-hops "five-$kind" "$kind" "$round" \
				--rate 200 --time 0.8 --warm-up 0.2
			flood five-load "five-$kind" "$kind" "$round" \
				--rate 0 --time 1 --pipeline 16 --ids 50000
		done
	done
	for kind in $all; do
		stop "five-$kind"
	done
}

# --- the machine ------------------------------------------------------------------------

fact() { # NAME VALUE...
	printf '%s\t%s\n' "$1" "${*:2}" >> "$out/machine.tsv"
}

version() { # NAME COMMAND...
	has "$2" && fact "$1" "$("${@:2}" 2>&1 |
		grep -o '[0-9][0-9.]*[0-9]' | head -1)"
}

describe_machine() {
	: > "$out/machine.tsv"
	fact processor "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | sort -u)"
	fact CPUs "$(nproc)"
	fact memory "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' \
		/proc/meminfo)"
	fact virtual "$(sed -n 's/^flags.*hypervisor.*/yes/p' /proc/cpuinfo |
		head -1)"
	fact kernel "$(uname -sr | cut -d- -f1)"
	fact system "$(. /etc/os-release && echo "$PRETTY_NAME")"
	fact "threads of a core" "$(lscpu | sed -n 's/^Thread.*: *//p')"
	fact herd "$("$HERDD" --version | head -1), $(git -C "$here" \
		describe --always --dirty 2>/dev/null || echo "of an archive")"
	version gcc gcc -dumpfullversion
	version memcached memcached -V
	version redis redis-server --version
	version Python /usr/bin/python3 --version
	version Node.js node --version
	version Java java -version
	fact date "$(date -u +%Y-%m-%d)"
	fact "load before" "$(cut -d' ' -f1-3 /proc/loadavg)"
}

# --- all of it ----------------------------------------------------------------------------

# Also of a run that ends early.
close_facts() {
	local why
	fact "load after" "$(cut -d' ' -f1-3 /proc/loadavg)"
	fact minutes $((($(date +%s) - began + 30) / 60))
	fact rounds "$rounds of one server at P=1 and P=16, $few of all else but" \
		"memory"
	[ -z "$wanted" ] || fact "measured" "only $wanted"
	for why in "${skipped[@]}"; do
		fact "not measured" "$why"
	done
	[ "$failures" -eq 0 ] || fact "measurements that failed" "$failures"
	cleanup
}
trap close_facts EXIT

find_contenders
describe_machine
one_cpu
make_each doubling unpinned mixed sizes languages
say "$(wc -l < "$results") measurements, $failures failed"
exit $((failures > 0))
