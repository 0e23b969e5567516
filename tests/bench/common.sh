# common.sh - what the benchmarks have in common; sourced by them.
# shellcheck shell=bash
dir=$(mktemp -d)
pids=()

cleanup() {
	kill "${pids[@]}" 2>/dev/null
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# A port that was free a moment ago, below those that connections are given, and
# that nobody was given before.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		! grep -qx "$port" "$dir/ports" 2>/dev/null &&
			! (: < /dev/tcp/127.0.0.1/$port) 2>/dev/null && break
	done
	echo "$port" | tee -a "$dir/ports"
}

await() { # PORT
	local i
	for ((i = 0; i < 200; i++)); do
		(: < /dev/tcp/127.0.0.1/"$1") 2>/dev/null && return 0
		sleep 0.05
	done
	echo "bench: no server on port $1" >&2
	exit 1
}

# A places server. Sets pid and url. Of the caller: herd_places, the program, and
# data, its places.
start_places() { # NAME OPTION...
	local name=$1 i
	shift
	"$herd_places" --listen 127.0.0.1:0 --data "$data" "$@" \
		> "$dir/$name.log" 2>&1 &
	pid=$!
	pids+=("$pid")
	for ((i = 0; i < 200; i++)); do
		url=$(sed -n 's/^serving .* on //p' "$dir/$name.log" 2>/dev/null)
		[ -n "$url" ] && return 0
		sleep 0.05
	done
	cat "$dir/$name.log" >&2
	exit 1
}
