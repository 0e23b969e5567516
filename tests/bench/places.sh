#!/bin/bash
# places.sh - WHATSAT with a places provider: how long many at once take, whom
# they keep waiting, and what one costs; both designs in one run.
#
# usage: places.sh HERDD WHATSAT HERD_PLACES DATA [ROUNDS [SECONDS]]
#
# The provider is herd-places with the places of the world: one that answers
# after 100 ms, as if far away, and one that answers at once. Each round
# measures both designs, each in fresh processes; printed are the median and the
# range over all rounds. Nothing is pinned: herdd, the provider and the driver
# share the CPUs, as the first line says. See whatsat.c for the measurements.
set -u
herdd=$1 whatsat=$2 herd_places=$3 data=$4 rounds=${5:-5} seconds=${6:-1.5}
in_flight=256 # WHATSATs, where their rate is measured
steady=2000   # WHATSATs per second, as many for both designs

if [ ! -x "$herd_places" ]; then
	echo "bench-places: skipped: herd-places was not built"
	exit 0
fi
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

# Sets pid and port. Each has a directory of its own: control sockets go by name.
start_herd() { # NAME DESIGN URL
	port=$(free_port)
	mkdir -p "$dir/$1"
	cat > "$dir/$1.conf" <<-END
	threading = "$2";
	servers = ( { name = "Goloman"; host = "127.0.0.1"; port = $port; } );
	places = { url = "$3/maps/api/place/nearbysearch/json"; };
	log = { directory = "$dir/$1"; messages = false; };
	limits = { connections = 1000; };
	END
	"$herdd" -c "$dir/$1.conf" Goloman > "$dir/$1.out" 2>&1 &
	pid=$!
	pids+=("$pid")
	(await "$port") || {
		cat "$dir/$1.out" >&2
		exit 1
	}
}

stop() { # NAME PID
	kill "$2"
	wait "$2" && return 0
	echo "bench-places: $1 ended badly" >&2
	cat "$dir/$1.out" >&2
	exit 1
}

measure() { # DESIGN ARGUMENT...
	local design=$1
	shift
	"$whatsat" "$@" > "$dir/out" ||
		echo "failed 1" >> "$dir/out"
	sed "s/^/$design /" "$dir/out" >> "$dir/results"
}

requests() {
	grep -c ' GET ' "$dir/far.log"
}

round() { # DESIGN
	local far_pid far_port before kind
	start_herd far "$1" "$far_url"
	far_pid=$pid far_port=$port
	start_herd near "$1" "$near_url"
	measure "$1" burst 127.0.0.1:"$far_port"
	before=$(requests)
	measure "$1" same 127.0.0.1:"$far_port"
	echo "$1 same-requests $(($(requests) - before))" >> "$dir/results"
	measure "$1" beside "$seconds" 127.0.0.1:"$far_port" \
		127.0.0.1:"$port" "$steady"
	stop far "$far_pid"
	for kind in different same nothing; do
		measure "$1" rate "$kind" "$seconds" "$in_flight" \
			127.0.0.1:"$port" "$pid" "$near_pid"
	done
	stop near "$pid"
}

start_places far --delay 100 --log
far_url=$url
start_places near
near_url=$url near_pid=$pid
echo "$(nproc) CPUs, $rounds rounds, load before: $(cut -d' ' -f1-3 /proc/loadavg)"
: > "$dir/results"
for ((i = 0; i < rounds; i++)); do
	round threaded
	round single
done

sort -k1,1 -k2,2 -k3,3g "$dir/results" | awk '
	function median(d, name) {
		return value[d, name, int((n[d, name] + 1) / 2)]
	}
	function show(d, name) {
		return sprintf("%.1f (%.1f to %.1f)", median(d, name),
			value[d, name, 1], value[d, name, n[d, name]])
	}
	function heading(text) {
		printf "\n%s\n", text
	}
	function times(d, what, name) {
		printf "  %-9s %-20s p50 %s, p99 %s, max %s; %.1f, %.1f x\n",
			d, what, show(d, name "-p50"), show(d, name "-p99"),
			show(d, name "-max"),
			median(d, name "-p50") / median(d, "idle-asked-p50"),
			median(d, name "-p99") / median(d, "idle-asked-p99")
	}
	function cost(d, kind) {
		printf "  %-9s %-9s %9.0f/s (%.0f to %.0f), %.0f bytes; CPU us:" \
			" herdd %s, provider %s, driver %s\n", d, kind,
			median(d, kind "-rate"), value[d, kind "-rate", 1],
			value[d, kind "-rate", n[d, kind "-rate"]],
			median(d, kind "-bytes"), show(d, kind "-herdd"),
			show(d, kind "-provider"), show(d, kind "-driver")
	}
	{
		value[$1, $2, ++n[$1, $2]] = $3
		if ($2 == "errors" || $2 == "failed")
			bad[$2] += $3
	}
	END {
		split("threaded single", designs)
		heading("1000 different at once, provider after 100 ms:" \
			" milliseconds (wanted: 500)")
		for (i = 1; d = designs[i]; i++)
			printf "  %-9s first time %s, again %s\n", d,
				show(d, "cold"), show(d, "warm")
		heading("1000 about one client at once: requests to the" \
			" provider (wanted: one per worker)")
		for (i = 1; d = designs[i]; i++)
			printf "  %-9s %s in %s ms\n", d,
				show(d, "same-requests"), show(d, "same")
		heading("IAMAT, one every ms, no WHATSATs, '"$steady"'/s, or" \
			" 1000 under way: microseconds, and p50, p99 x idle" \
			" (wanted: 2)")
		for (i = 1; d = designs[i]; i++) {
			times(d, "idle", "idle-asked")
			times(d, "steady", "steady-asked")
			times(d, "busy", "busy-asked")
			times(d, "beside a busy server", "busy-other")
			printf "  %-9s %-20s %s/s\n", d, "WHATSATs meanwhile",
				show(d, "busy-rate")
		}
		heading("WHATSATs, provider at once (wanted: 10000/s)")
		for (i = 1; d = designs[i]; i++) {
			cost(d, "different")
			cost(d, "same")
			cost(d, "nothing")
		}
		printf "\nwrong answers: %d; failed measurements: %d\n",
			bad["errors"], bad["failed"]
		exit bad["errors"] + bad["failed"] > 0
	}'
rc=$?
echo "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
exit $rc
