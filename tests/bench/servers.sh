# servers.sh - the servers that quick.sh and targets.sh measure, and how they do
# it; sourced by them, common.sh before.
#
# Of the environment: HERDD, HERD_BENCH, FLOOR, ECHO: the programs.
# shellcheck shell=bash
here=$(dirname "${BASH_SOURCE[0]}")
results=$dir/results
failures=0
herd_servers=()
declare -A herd_port=() server_pid=() server_port=() server_protocol=()
declare -A server_command=()
: > "$results"

if [ "$(nproc)" -lt 2 ]; then
	echo "bench: this machine has one CPU. Servers and load would share it," \
		"and nothing could be told apart: nothing is measured."
	exit 77
fi

has() { # PROGRAM
	command -v "$1" > /dev/null
}

# --- starting and stopping them ------------------------------------------------
# WHERE is a list of CPUs as of taskset, or "any".

launch() { # NAME PROTOCOL PORT WHERE COMMAND...
	local name=$1 protocol=$2 port=$3 where=$4
	shift 4
	[ "$where" = any ] || set -- taskset -c "$where" "$@"
	server_command[$name]=$(printf '%q ' "$@")
	"$@" > "$dir/$name.out" 2>&1 &
	server_pid[$name]=$!
	server_port[$name]=$port
	server_protocol[$name]=$protocol
	pids+=($!)
	(await "$port") || {
		cat "$dir/$name.out" >&2
		exit 1
	}
}

start_bare() { # NAME WHERE PROTOCOL PROGRAM [OPTION]...
	local name=$1 where=$2 protocol=$3 port
	shift 3
	port=$(free_port)
	launch "$name" "$protocol" "$port" "$where" "$@" "$port"
}

# A herd of one. Each has a directory of its own: control sockets go by name.
start_herd() { # NAME DESIGN WHERE WORKERS [LOG.MESSAGES [PLACES.URL]]
	local port places=
	port=$(free_port)
	[ -z "${6-}" ] ||
		places="url = \"$6/maps/api/place/nearbysearch/json\";"
	mkdir -p "$dir/$1"
	cat > "$dir/$1/herd.conf" <<-END
	threading = "$2";
	workers = $4;
	servers = ( { name = "Goloman"; host = "127.0.0.1"; port = $port; } );
	log = { directory = "$dir/$1"; messages = ${5:-false}; };
	places = { $places };
	limits = { connections = 20000; };
	END
	launch "$1" herd "$port" "$3" "$HERDD" -c "$dir/$1/herd.conf" Goloman
}

# A herd of one contender: contenders/run.sh knows the kinds.
start_contender() { # NAME KIND WHERE
	start_contenders_of "$1" "$2" "$3" "$3" Goloman
}

# A herd of several, EDGES as "Goloman-Hands Goloman-Holiday": the first of them,
# which is what NAME means, at WHERE, the others at OTHERS, as NAME/Hands. ABSENT
# is in the file and not started.
start_herd_of() { # NAME DESIGN WHERE OTHERS EDGES [ABSENT]
	write_herd_of "$1" "$5" "threading = \"$2\"; workers = 1;"
	launch_herd_of "$1" "$3" "$4" "${6-}" "$HERDD"
}

# The same of the contenders of a kind.
start_contenders_of() { # NAME KIND WHERE OTHERS EDGES [ABSENT]
	write_herd_of "$1" "$5" "" 'protocol = "plain"; '
	launch_herd_of "$1" "$3" "$4" "${6-}" "$here/contenders/run.sh" "$2"
}

# Sets `herd_servers`, a list, and `herd_port`, of each.
write_herd_of() { # NAME EDGES SETTINGS [SETTINGS-OF-EACH]
	local name=$1 edges=$2 server first=''
	mkdir -p "$dir/$name"
	mapfile -t herd_servers < <(tr ' -' '\n\n' <<< "$edges" | awk '!seen[$0]++')
	herd_port=()
	for server in "${herd_servers[@]}"; do
		herd_port[$server]=$(free_port)
	done
	{
		echo "$3"
		echo "log = { directory = \"$dir/$name\"; messages = false; };"
		echo "limits = { connections = 1000; };"
		echo "servers = ("
		for server in "${herd_servers[@]}"; do
			echo "${first}{ name = \"$server\"; host = \"127.0.0.1\";" \
				"port = ${herd_port[$server]}; ${4-}talks_to = [ $(
					tr ' ' '\n' <<< "$edges" |
						sed -n "s/^$server-\(.*\)/\"\1\"/p" |
						paste -sd,) ]; }"
			first=,
		done
		echo ");"
	} > "$dir/$name/herd.conf"
}

launch_herd_of() { # NAME WHERE OTHERS ABSENT COMMAND...
	local name=$1 where=$2 others=$3 absent=$4 server
	shift 4
	for server in "${herd_servers[@]}"; do
		[ "$server" = "$absent" ] && continue
		launch "$name" herd "${herd_port[$server]}" "$where" \
			"$@" -c "$dir/$name/herd.conf" "$server"
		server_pid[$name/$server]=${server_pid[$name]}
		server_port[$name/$server]=${herd_port[$server]}
		where=$others
	done
	server_pid[$name]=${server_pid[$name/${herd_servers[0]}]}
	server_port[$name]=${herd_port[${herd_servers[0]}]}
}

start_memcached() { # NAME WHERE THREADS
	local port
	port=$(free_port)
	# -R: it takes all that a connection has sent, as the others do.
	launch "$1" memcached "$port" "$2" memcached -u nobody -t "$3" -m 1024 \
		-R 200 -c 20000 -l 127.0.0.1 -p "$port"
}

start_redis() { # NAME WHERE
	local port
	port=$(free_port)
	launch "$1" redis "$port" "$2" redis-server --bind 127.0.0.1 \
		--port "$port" --save '' --appendonly no --protected-mode no
}

# Wait until a server of a herd has so many links.
await_links() { # NAME SERVER COUNT
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(grep -c ' connected to ' "$dir/$1/$2.log")" -ge "$3" ] &&
			return 0
		sleep 0.05
	done
	echo "bench: $2 has not linked to its neighbours" >&2
	exit 1
}

# One process, or all of a herd.
stop() { # NAME
	local name
	for name in "$1" "${!server_pid[@]}"; do
		case $name in
		"$1" | "$1"/*) ;;
		*) continue ;;
		esac
		kill "${server_pid[$name]-}" 2>/dev/null
		wait "${server_pid[$name]-}" 2>/dev/null
	done
}

# A new process, started as before: two processes of one program may differ by
# more than two programs do.
restart() { # NAME...
	local name
	for name in "$@"; do
		stop "$name"
		eval "launch $name ${server_protocol[$name]}" \
			"${server_port[$name]} any ${server_command[$name]}"
	done
}

# NAMEs, another one first in each round.
in_turn() { # ROUND NAME...
	local round=$1 i
	shift
	local each=("$@")
	for i in "${!each[@]}"; do
		echo "${each[(i + round) % $#]}"
	done
}

# --- measuring ------------------------------------------------------------------

# Measure a server once. ROUND: what it is compared with has the same.
measure() { # ROW NAME ROUND MODE [OPTION]...
	local row=$1 name=$2 round=$3 mode=$4
	shift 4
	note "$row" "$name" "$round" "$mode" \
		127.0.0.1:"${server_port[$name]}" \
		--protocol "${server_protocol[$name]}" \
		--pid "${server_pid[$name]}" "$@"
}

note() { # ROW NAME ROUND ARGUMENT...
	local row=$1 name=$2 round=$3
	shift 3
	if "$HERD_BENCH" --json --quiet "$@" > "$dir/out" 2> "$dir/err"; then
		printf '%s\t%s\t%s\t%s\n' "$row" "$name" "$round" \
			"$(cat "$dir/out")" >> "$results"
	else
		failures=$((failures + 1))
		echo "bench: $row, $name: $(cat "$dir/err")" >&2
	fi
}

# Each round measures every server once, another one first each time. `fresh`
# are those that are restarted before.
rounds() { # COUNT ROW "NAME..." MODE [OPTION]...
	local count=$1 row=$2 each=$3 round name
	shift 3
	for ((round = 0; round < count; round++)); do
		# shellcheck disable=SC2086  # words
		restart ${fresh-}
		# shellcheck disable=SC2086  # words
		for name in $(in_turn "$round" $each); do
			measure "$row" "$name" "$round" "$@"
		done
	done
}

# Called with those that are to be made: all, or the ones named in `wanted`.
make_each() { # MEASUREMENT...
	local measurement
	for measurement in "$@"; do
		[[ -z $wanted || " $wanted " = *" $measurement "* ]] &&
			"$measurement"
	done
}

flood_pids() { # NAME: all of a herd
	local name list=
	for name in "${!server_pid[@]}"; do
		[[ $name = "$1"/* ]] && list+=,${server_pid[$name]}
	done
	echo "${list#,}"
}

report() { # table|ratio|value ARGUMENT...
	python3 "$here/report.py" "$results" "$@"
}

machine() {
	echo "$(nproc) CPUs, load $(cut -d' ' -f1-3 /proc/loadavg), $(uname -sr)"
}

# All that is measured with the server on CPU 0 and the driver on CPU 1; sets
# `names`.
start_all() {
	start_bare floor 0 herd "$FLOOR"
	start_bare echo 0 echo "$ECHO"
	start_herd herd-threaded threaded 0 1
	start_herd herd-single single 0 1
	names="floor herd-threaded herd-single echo"
	if has memcached; then
		start_memcached memcached 0 1
		names+=" memcached"
	else
		echo "memcached is not installed: not measured"
	fi
	if has redis-server; then
		start_redis redis 0
		names+=" redis"
	else
		echo "redis-server is not installed: not measured"
	fi
}
