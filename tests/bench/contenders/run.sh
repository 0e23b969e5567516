#!/bin/bash
# run.sh - run a contender: a server of the herd written in another language.
# The process becomes the server: its pid is the one that was started.
#
# usage: run.sh KIND -c FILE NAME    run it
#        run.sh --has KIND           is all it needs installed? says what is not;
#                                    compiles what is to be compiled
#
# KIND: asyncio-protocol, asyncio-streams, asyncio-uvloop, node, java-threads,
# java-nio. Of the environment: HERD_CLASSES, where compiled Java goes (default
# ${TMPDIR:-/tmp}/herd-classes-UID).
set -eu
export PYTHONDONTWRITEBYTECODE=1 # nothing is left among the sources
# Debian's, which python3-uvloop is for: so they differ in the loop alone.
python=/usr/bin/python3
here=$(cd "$(dirname "$0")" && pwd)
classes=${HERD_CLASSES:-${TMPDIR:-/tmp}/herd-classes-$UID}

die() { # STATUS TEXT
	echo "run.sh: $2" >&2
	exit "$1"
}

needs() { # PACKAGE COMMAND...
	local package=$1
	shift
	"$@" > /dev/null 2>&1 ||
		die 1 "$kind is not to be had: needs the Debian package $package"
}

check() {
	case $kind in
	asyncio-protocol | asyncio-streams) needs python3 "$python" -c '' ;;
	asyncio-uvloop) needs python3-uvloop "$python" -c 'import uvloop' ;;
	node) needs nodejs node --version ;;
	java-*)
		needs default-jdk-headless command -v javac
		needs default-jdk-headless command -v java
		;;
	*) die 2 "no such contender: $kind" ;;
	esac
}

# All sources, once for all the servers that are started at a time.
compile() {
	mkdir -p "$classes"
	exec 9> "$classes/lock"
	flock 9
	for source in "$here"/*.java; do
		if [ "$source" -nt "$classes/compiled" ]; then
			javac -d "$classes" "$here"/*.java >&2 || exit 1
			touch "$classes/compiled"
			break
		fi
	done
	exec 9>&-
}

[ $# -ge 2 ] || die 2 "usage: run.sh KIND -c FILE NAME, run.sh --has KIND"
if [ "$1" = --has ]; then
	kind=$2
	check
	# Now rather than at the first start, which is waited for. If it does not
	# compile, it is had all the same, and fails.
	[[ $kind != java-* ]] || (compile) || true
	exit 0
fi

kind=$1
shift
case $kind in
asyncio-protocol) exec "$python" "$here/asyncio_protocol.py" "$@" ;;
asyncio-streams) exec "$python" "$here/asyncio_streams.py" "$@" ;;
asyncio-uvloop)
	exec "$python" "$here/asyncio_protocol.py" --uvloop "$@"
	;;
node) exec node "$here/herd_node.js" "$@" ;;
java-*)
	compile
	# The collector that takes them least CPU time for a request.
	java=(java -XX:+UseParallelGC -cp "$classes")
	case $kind in
	java-threads) exec "${java[@]}" HerdThreads "$@" ;;
	java-nio) exec "${java[@]}" HerdNio "$@" ;;
	esac
	;;
esac
die 2 "no such contender: $kind"
