# servers.sh - the servers that quick.sh and targets.sh measure, and how they do
# it; sourced by them, common.sh before.
#
# Of the environment: HERDD, HERD_BENCH, FLOOR, ECHO: the programs.
# shellcheck shell=bash
here=$(dirname "${BASH_SOURCE[0]}")
results=$dir/results
failures=0
declare -A server_pid=() server_port=() server_protocol=()
: > "$results"

if [ "$(nproc)" -lt 2 ]; then
	echo "bench: this machine has one CPU. Servers and load would share it," \
		"and nothing could be told apart: nothing is measured."
	exit 0
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
start_herd() { # NAME DESIGN WHERE WORKERS [LOG.MESSAGES]
	local port
	port=$(free_port)
	mkdir "$dir/$1"
	cat > "$dir/$1/herd.conf" <<-END
	threading = "$2";
	workers = $4;
	servers = ( { name = "Goloman"; host = "127.0.0.1"; port = $port; } );
	log = { directory = "$dir/$1"; messages = ${5:-false}; };
	limits = { connections = 20000; };
	END
	launch "$1" herd "$port" "$3" "$HERDD" -c "$dir/$1/herd.conf" Goloman
}

# A herd of several, EDGES as "Goloman-Hands Goloman-Holiday": the first of them,
# which is what NAME means, at WHERE, the others at OTHERS, as NAME/Hands. ABSENT
# is in the file and not started.
start_herd_of() { # NAME DESIGN WHERE OTHERS EDGES [ABSENT]
	local name=$1 design=$2 where=$3 others=$4 edges=$5 absent=${6-}
	local servers server first='' file=$dir/$1/herd.conf
	local -A port=()
	mkdir "$dir/$name"
	servers=$(tr ' -' '\n\n' <<< "$edges" | awk '!seen[$0]++')
	for server in $servers; do
		port[$server]=$(free_port)
	done
	{
		echo "threading = \"$design\"; workers = 1;"
		echo "log = { directory = \"$dir/$name\"; messages = false; };"
		echo "limits = { connections = 1000; };"
		echo "servers = ("
		for server in $servers; do
			echo "${first}{ name = \"$server\"; host = \"127.0.0.1\";" \
				"port = ${port[$server]}; talks_to = [ $(
					tr ' ' '\n' <<< "$edges" |
						sed -n "s/^$server-\(.*\)/\"\1\"/p" |
						paste -sd,) ]; }"
			first=,
		done
		echo ");"
	} > "$file"
	for server in $servers; do
		[ "$server" = "$absent" ] && continue
		launch "$name" herd "${port[$server]}" "$where" \
			"$HERDD" -c "$file" "$server"
		server_pid[$name/$server]=${server_pid[$name]}
		server_port[$name/$server]=${port[$server]}
		where=$others
	done
	server=${servers%%[[:space:]]*}
	server_pid[$name]=${server_pid[$name/$server]}
	server_port[$name]=${server_port[$name/$server]}
}

start_memcached() { # NAME WHERE THREADS
	local port
	port=$(free_port)
	launch "$1" memcached "$port" "$2" memcached -u nobody -t "$3" -m 1024 \
		-c 20000 -l 127.0.0.1 -p "$port"
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

# Each round measures every server once, another one first each time.
rounds() { # COUNT ROW "NAME..." MODE [OPTION]...
	local count=$1 row=$2 each round i
	read -ra each <<< "$3"
	shift 3
	for ((round = 0; round < count; round++)); do
		for i in "${!each[@]}"; do
			measure "$row" "${each[(i + round) % ${#each[@]}]}" \
				"$round" "$@"
		done
	done
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
