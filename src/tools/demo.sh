#!/usr/bin/env bash
# A herd of five on this machine, a short conversation with it, and the end.
# Run by ./bootstrap demo [--keep] in the folder it has built the programs in;
# all that it writes lies in a temporary folder.
set -euo pipefail

data=$1 # places.tsv
keep=${2-}

servers=(Goloman Hands Holiday Welsh Wilkes)
usual_ports=(12000 12001 12002 12003 12004 12080) # the last: herd-places

work=$(mktemp -d "${TMPDIR:-/tmp}/herd-demo.XXXXXX")
declare -A pid=() port=()

# --- for the reader -----------------------------------------------------------

if [ -t 1 ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
	bold='' dim='' plain=''
fi

say() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

fail() {
	printf '\ndemo: %s\n' "$*" >&2
	tail -n 5 "$work"/*.err "$work"/log/*.log >&2 2>/dev/null || true
	exit 1
}

# Show a command and what comes of it.
show() {
	printf '%s$ herdctl -c herd.conf %s%s\n' "$dim" "$*" "$plain"
	herdctl "$@" || true
}

herdctl() {
	./herdctl -c "$work/herd.conf" "$@"
}

# --- processes ----------------------------------------------------------------

stop_all() {
	[ ${#pid[@]} -gt 0 ] || return 0
	kill "${pid[@]}" 2>/dev/null || true
	wait "${pid[@]}" 2>/dev/null || true
	pid=()
}

# Whatever the reason for the end, nothing stays behind.
end_all() {
	trap '' INT TERM
	stop_all
	rm -rf "$work"
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# in_time COMMAND...: until it succeeds, ten seconds at most.
in_time() {
	local try
	for ((try = 0; try < 200; try++)); do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.05
	done
	return 1
}

accepts() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# run NAME COMMAND...: in the background, where Ctrl-C does not reach it: the
# end is ours to bring about.
run() {
	local name=$1
	shift
	"$@" >"$work/$name.out" 2>"$work/$name.err" &
	pid[$name]=$!
}

start_server() {
	run "$1" ./herdd -c "$work/herd.conf" "$1"
}

lives() {
	kill -0 "${pid[$1]}" 2>/dev/null
}

# Succeeds as well when it has died, which will not get better by waiting.
serves_or_died() {
	! lives "$1" || accepts "${port[$1]}"
}

await_server() {
	in_time serves_or_died "$1" && lives "$1"
}

# --- the herd -----------------------------------------------------------------

all_free() {
	local number
	for number; do
		! accepts "$number" || return 1
	done
}

# The usual ports, or six others in a row.
choose_ports() {
	local -a ports=("${usual_ports[@]}")
	local first i
	while ! all_free "${ports[@]}"; do
		first=$((20000 + RANDOM % 10000))
		mapfile -t ports < <(seq "$first" $((first + 5)))
	done
	for i in "${!servers[@]}"; do
		port[${servers[i]}]=${ports[i]}
	done
	port[places]=${ports[5]}
	[ "${ports[*]}" = "${usual_ports[*]}" ] ||
		echo "(the usual ports are taken)"
}

write_configuration() {
	local name
	local -A talks_to=(
		[Goloman]='"Hands", "Holiday", "Wilkes"'
		[Hands]='"Wilkes"'
		[Holiday]='"Welsh", "Wilkes"'
	)

	mkdir -p "$work/log"
	(umask 077 && head -c 32 /dev/urandom | base64 >"$work/herd.secret")
	{
		echo 'servers = ('
		for name in "${servers[@]}"; do
			printf '  { name = "%s"; host = "127.0.0.1"; port = %d;' \
				"$name" "${port[$name]}"
			[ -z "${talks_to[$name]-}" ] ||
				printf ' talks_to = [ %s ];' "${talks_to[$name]}"
			[ "$name" = Wilkes ] && echo ' }' || echo ' },'
		done
		echo ');'
		echo 'peers = { secret_file = "herd.secret"; };'
		echo 'log = { directory = "log"; };'
		printf 'places = { url = "http://127.0.0.1:%d%s"; };\n' \
			"${port[places]}" /maps/api/place/nearbysearch/json
	} >"$work/herd.conf"
}

start_all() {
	local name
	run places ./herd-places --data "$data" \
		--listen "127.0.0.1:${port[places]}"
	for name in "${servers[@]}"; do
		start_server "$name"
	done
	for name in "${servers[@]}" places; do
		await_server "$name" || return 1
	done
}

# A port may be taken in the moment between looking and binding.
set_up() {
	local try
	for try in 1 2 3; do
		choose_ports
		write_configuration
		! start_all || return 0
		[ "$try" -eq 3 ] || stop_all
	done
	fail "the servers do not start"
}

# --- the conversation ---------------------------------------------------------

knows() {
	herdctl -s "$1" whatsat "$2" 0 0
}

converse() {
	local now
	now=$(date +%s.%N)

	say "A client called kiwi tells Goloman where it is:"
	show -s Goloman iamat kiwi +34.068930-118.445127 "$now"
	echo "(AT, the server that heard it, how long it took, and what was said)"

	say "Welsh talks to Holiday only, so it must have heard of kiwi from there." \
		"What is within 10 km of kiwi, five places at most?"
	in_time knows Welsh kiwi || fail "Welsh never hears of kiwi"
	show --table -s Welsh whatsat kiwi 10 5

	say "The same as programs see it, two places at most:"
	show --raw -s Welsh whatsat kiwi 10 2

	say "Welsh is killed (kill -9), and started again. It kept nothing on disk:"
	kill -KILL "${pid[Welsh]}"
	wait "${pid[Welsh]}" 2>/dev/null || true
	start_server Welsh
	await_server Welsh || fail "Welsh does not come back"
	in_time knows Welsh kiwi || fail "Welsh never hears of kiwi again"
	show --raw -s Welsh whatsat kiwi 10 0
	echo "(its neighbour told it; the AT line is the same to the byte)"

	say "What is no command comes back behind a question mark:"
	printf '%s$ echo "WHERE IS kiwi" | herdctl -c herd.conf -s Hands send%s\n' \
		"$dim" "$plain"
	echo "WHERE IS kiwi" | herdctl -s Hands send || true
}

stay() {
	say "The herd is running. Lines to paste, in another terminal:"
	cat <<END
    cd ${PWD@Q}
    ./herdctl -c $work/herd.conf -s Hands iamat plum +48.8566+2.3522
    ./herdctl -c $work/herd.conf -s Welsh whatsat plum 5 10
    printf 'WHATSAT kiwi 10 1\n' | nc -N 127.0.0.1 ${port[Wilkes]}
    tail -f $work/log/Holiday.log
Ctrl-C ends it all.
END
	trap 'exit 0' INT
	wait
}

say "Five servers and a places server of their own on this machine"
set_up
printf '%s at 127.0.0.1:%d\n' Goloman "${port[Goloman]}" Hands "${port[Hands]}" \
	Holiday "${port[Holiday]}" Welsh "${port[Welsh]}" \
	Wilkes "${port[Wilkes]}" herd-places "${port[places]}"
converse
if [ -n "$keep" ]; then
	stay
fi
say "Everything is stopped again."
