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

# A port that was free a moment ago, below those that connections are given.
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(: < /dev/tcp/127.0.0.1/$port) 2>/dev/null || break
	done
	echo "$port"
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
