#!/usr/bin/env bash
# A herd of five on a network that delays, loses and is cut, its servers killed
# again and again: see netns/run.py. Needs root; changes nothing on this machine.
# With names of scenarios: those only.
set -euo pipefail

: "${TOP_SRCDIR:?the sources}" "${HERDD:?the daemon}" "${HERDCTL:?the tool}"

skip() {
	echo "skipped: $*"
	exit 77
}

# New namespaces for mounts, processes and the network, which end with the first
# process in it. Names of network namespaces are files in /run.
apart() {
	unshare --mount --net --pid --fork --kill-child --mount-proc \
		bash -c 'mount -t tmpfs none /run && exec "$@"' - "$@"
}

[ "$(id -u)" -eq 0 ] || skip "needs root"
command -v python3 >/dev/null || skip "needs python3"
command -v ip >/dev/null || skip "needs ip (Debian package iproute2)"
command -v unshare >/dev/null || skip "needs unshare"
apart bash -c 'ip netns add a && ip link add name one type veth peer name two netns a' ||
	skip "no network namespaces can be made here"

export HERD_RUN=$$
apart python3 "$TOP_SRCDIR/tests/netns/run.py" "$@"
