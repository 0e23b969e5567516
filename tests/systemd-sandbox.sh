#!/usr/bin/env bash
# A real systemd, as process 1 of a container, for tests of the service: see
# usage() below.
#
# The root of the container is an overlay on the root of this machine: all that
# is installed here is there, and nothing that happens in it is kept. It has
# process ids, mounts, control groups and a network (loopback only) of its own.
set -euo pipefail

usage() {
	cat <<'END'
Usage: systemd-sandbox.sh start DIR             boot; return when that is done
       systemd-sandbox.sh exec DIR COMMAND...   run it inside, with its status
       systemd-sandbox.sh root DIR              print the path of its root
       systemd-sandbox.sh stop DIR              shut down, remove everything

DIR names a sandbox and must be an empty directory, or not be there yet. Needs
root, overlayfs and systemd-nspawn. Exit status 99: there is no sandbox.

Environment:
  HERD_SANDBOX_SIZE     of what can be written in it, as of tmpfs (default 1g)
  HERD_SANDBOX_TARGET   unit to boot into (default basic.target: the journal
                        and sockets, but no services)
  HERD_SANDBOX_TIMEOUT  seconds the boot may take (default 30)
END
}

die() {
	echo "systemd-sandbox: $*" >&2
	exit 99
}

enter() { # DIR COMMAND...
	local leader
	leader=$(cat "$1/leader" 2>/dev/null) || die "no sandbox runs in $1"
	[ -d "/proc/$leader" ] || die "the sandbox in $1 has ended"
	shift
	nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup \
		--root --wd -- env --ignore-environment HOME=/root \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LANG=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat "$@"
}

# A machine of its own, without the services and timers of this one.
make_root() { # DIR
	local system=$1/root/etc/systemd

	mkdir -p "$1"
	mount -t tmpfs -o "size=${HERD_SANDBOX_SIZE:-1g},mode=755" \
		herd-sandbox "$1" || die "cannot mount a tmpfs"
	mkdir "$1/upper" "$1/work" "$1/root"
	mount -t overlay overlay "$1/root" \
		-o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" || {
		umount "$1"
		die "cannot mount an overlay"
	}
	: >"$1/root/etc/machine-id"
	echo herd-sandbox >"$1/root/etc/hostname"
	rm -rf "$1/root/var/log/journal" \
		"$system"/system/{multi-user,timers,sysinit,getty,sockets}.target.wants
	mkdir -p "$system/journald.conf.d" "$system/system.conf.d"
	printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' \
		>"$system/journald.conf.d/sandbox.conf"
	printf '[Manager]\nDefaultTimeoutStopSec=10s\n' \
		>"$system/system.conf.d/sandbox.conf"
}

# The first child of systemd-nspawn is the container's process 1.
find_leader() { # DIR
	local nspawn children
	nspawn=$(cat "$1/nspawn")
	children=$(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null)
	[ -n "$children" ] || return
	echo "${children%% *}" >"$1/leader"
}

await_boot() { # DIR
	local i
	for ((i = 0; i < ${HERD_SANDBOX_TIMEOUT:-30} * 20; i++)); do
		[ -d "/proc/$(cat "$1/nspawn")" ] || return 1
		if find_leader "$1"; then
			case $(enter "$1" systemctl is-system-running \
				2>/dev/null) in
			running | degraded) return ;;
			esac
		fi
		sleep 0.05
	done
	return 1
}

start() { # DIR
	[ "$(id -u)" -eq 0 ] || die "needs root"
	command -v systemd-nspawn >/dev/null ||
		die "needs systemd-nspawn (Debian package systemd-container)"
	[ ! -e "$1/nspawn" ] || die "there is a sandbox in $1 already"
	make_root "$1"
	setsid systemd-nspawn --quiet --directory="$1/root" \
		--machine="herd-$$" --hostname=herd-sandbox --register=no \
		--keep-unit --private-network --link-journal=no \
		--resolv-conf=off --timezone=off --console=pipe --boot \
		"systemd.unit=${HERD_SANDBOX_TARGET:-basic.target}" \
		>"$1/console" 2>&1 </dev/null &
	echo $! >"$1/nspawn"
	await_boot "$1" && return
	cat "$1/console" >&2
	stop "$1"
	die "it did not boot"
}

# systemd-nspawn passes SIGTERM on as a wish to be powered off; a container
# that does not grant it within ten seconds is killed.
stop() { # DIR
	local nspawn i
	nspawn=$(cat "$1/nspawn" 2>/dev/null) || die "no sandbox in $1"
	kill -TERM "$nspawn" 2>/dev/null || :
	for ((i = 0; i < 300; i++)); do
		[ -d "/proc/$nspawn" ] || break
		[ $i -ne 200 ] || kill -KILL "$(cat "$1/leader")" || :
		sleep 0.05
	done
	umount --lazy "$1/root" || :
	umount --lazy "$1" || :
	rmdir "$1"
}

if [ "${1-}" = --help ]; then
	usage
	exit
fi
[ $# -ge 2 ] || {
	usage >&2
	exit 2
}
verb=$1
dir=$2
shift 2
case $verb in
start | stop)
	"$verb" "$dir"
	;;
exec)
	enter "$dir" "$@"
	;;
root)
	[ -e "$dir/leader" ] || die "no sandbox runs in $dir"
	echo "$dir/root"
	;;
*)
	usage >&2
	exit 2
	;;
esac
