#!/usr/bin/env bash
# herdd as a service, under a real systemd: from `make install` to a herd of
# five, a server killed, a reload, a stop, and `make uninstall`.
# Runs in a build folder and changes nothing outside of its sandbox.
set -euo pipefail

: "${TOP_SRCDIR:?the sources}" "${HERD_BINDIR:?where herdctl goes}" \
	"${HERD_CONF:?where herd.conf goes}"
HERD_UNITDIR=${HERD_UNITDIR:-no}
HERD_SYSUSERSDIR=${HERD_SYSUSERSDIR:-no}

sandbox=$TOP_SRCDIR/tests/systemd-sandbox.sh
servers=(Goloman Hands Holiday Welsh Wilkes)
units=("${servers[@]/#/herdd@}")
clients=50
exposure=1.5 # at most, of systemd-analyze security

# --- what it takes ------------------------------------------------------------

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

say() {
	echo "--- $*"
}

# A built unit by the name that an instance has.
check_exposure() {
	local unit report
	for unit in systemd/*.service; do
		say "exposure of $unit, at most $exposure"
		report=$(systemd-analyze security --offline=yes --no-pager \
			--threshold="${exposure/./}" "$unit") || {
			echo "$report"
			fail "$unit is exposed to more than $exposure"
		}
		tail -n 1 <<<"$report"
	done
}

check_requirements() {
	case ${HERD_CFLAGS-} in
	*-fsanitize=*) skip "sanitizers need what the service is denied" ;;
	esac
	command -v systemd-analyze >/dev/null || skip "there is no systemd here"
	check_exposure
	case " $(systemd-analyze unit-paths 2>/dev/null | tr '\n' ' ') " in
	*" $HERD_UNITDIR "* | *" /usr$HERD_UNITDIR "*) ;;
	*) skip "systemd looks for no units in $HERD_UNITDIR" ;;
	esac
	[ "$HERD_SYSUSERSDIR" != no ] || skip "sysusers.d was left out"
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	command -v systemd-nspawn >/dev/null ||
		skip "needs systemd-nspawn (Debian package systemd-container)"
}

# --- the sandbox --------------------------------------------------------------

inside() {
	"$sandbox" exec "$dir" "$@"
}

property() { # UNIT PROPERTY
	inside systemctl show --property="$2" --value "$1"
}

finish() {
	local status=$?
	trap - EXIT
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		inside systemctl --no-pager status 'herdd@*' || :
		inside journalctl --no-pager --lines=100 || :
	fi >&2
	"$sandbox" stop "$dir" || :
	exit $status
}

boot() {
	local status=0
	dir=$(mktemp -d /run/herd-service.XXXXXX)
	"$sandbox" start "$dir" || status=$?
	[ $status -eq 0 ] || {
		rmdir "$dir" 2>/dev/null || :
		skip "no sandbox can be made here"
	}
	trap finish EXIT
	trap 'exit 1' INT TERM
	root=$("$sandbox" root "$dir")
}

# make TARGET, as if the root of the sandbox were this machine's; `make check`
# above must not lend it its job slots.
make_here() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		"${MAKE:-make}" --silent "$1" DESTDIR="$root"
}

# --- steps --------------------------------------------------------------------

# Whatever this machine has of herd itself is out of the way.
install() {
	say "make install; systemd-sysusers; daemon-reload"
	make_here uninstall >/dev/null
	rm -rf "$root${HERD_CONF%/*}" "$root/var/log/herd"
	list_written >"$dir/before"
	make_here install >/dev/null
	inside systemd-sysusers
	inside systemctl daemon-reload
	inside systemd-analyze verify --man=no "${units[@]/%/.service}" ||
		fail "systemd-analyze verify"
}

start_all() {
	local unit
	say "systemctl enable --now ${units[*]}"
	inside systemctl --quiet enable --now "${units[@]}"
	for unit in "${units[@]}"; do
		[ "$(property "$unit" ActiveState)" = active ] ||
			fail "$unit does not run"
		[[ $(property "$unit" StatusText) == Serving:* ]] ||
			fail "$unit does not say that it serves"
	done
}

# The process is nobody special, and its files are for nobody else.
check_process() {
	local pid status limit
	say "user, privileges, files"
	pid=$(property herdd@Goloman MainPID)
	status=$(inside cat "/proc/$pid/status")
	[ "$(inside stat --format=%U "/proc/$pid")" = herd ] ||
		fail "herdd is not run by herd"
	grep -qx $'CapBnd:\t0*' <<<"$status" || fail "it has capabilities"
	grep -qx $'NoNewPrivs:\t1' <<<"$status" || fail "it could gain some"
	grep -qx $'Seccomp:\t2' <<<"$status" || fail "no system call filter"
	# Where this machine has no more to give, that must do.
	limit=$(inside grep '^Max open files' "/proc/$pid/limits" |
		tr -s ' ' | cut -d ' ' -f 5)
	[ "$limit" -ge 21000 ] || [ "$limit" = "$(ulimit -Hn)" ] ||
		fail "descriptors are limited to $limit"
	[ "$(inside stat --format=%U:%G:%a /var/log/herd)" = herd:herd:750 ] ||
		fail "owner or mode of /var/log/herd"
	[ "$(inside stat --format=%U:%G:%a /var/log/herd/Welsh.log)" = \
		herd:herd:640 ] || fail "owner or mode of Welsh.log"
	! inside grep 'cannot tell the service manager' \
		/var/log/herd/Goloman.log || fail "Goloman was not understood"
}

# The first line of the answer.
location_at() { # SERVER ID
	inside "$HERD_BINDIR/herdctl" -s "$1" whatsat "$2" 10 0 2>&1 | head -n 1
}

await_location() { # SERVER ID LINE SECONDS
	local i
	for ((i = 0; i < $4 * 20; i++)); do
		[ "$(location_at "$1" "$2")" != "$3" ] || return 0
		sleep 0.05
	done
	fail "$1 does not know $2: $(location_at "$1" "$2")"
}

# IAMAT at one server, WHATSAT at another that can have it by flooding only.
talk() {
	local line
	say "IAMAT at Goloman, WHATSAT at Welsh"
	line=$(inside "$HERD_BINDIR/herdctl" -s Goloman \
		iamat kiwi +34.068930-118.445127)
	echo "$line"
	[[ $line == "AT Goloman "*" kiwi +34.068930-118.445127 "* ]] ||
		fail "no AT line"
	await_location Welsh kiwi "$line" 10

	say "the same without herdctl"
	# shellcheck disable=SC2016 # it is for the shell inside
	line=$(inside bash -c 'exec 3<>/dev/tcp/127.0.0.1/12001 &&
		echo "IAMAT plum +0.0+0.0 1500000000.5" >&3 && head -n 1 <&3')
	[[ $line == "AT Hands "*" plum +0.0+0.0 1500000000.5" ]] ||
		fail "no AT line: $line"
	await_location Holiday plum "$line" 10
}

now_us() {
	echo "${EPOCHREALTIME/[.,]/}"
}

# How many of our clients the server knows, by one connection.
count_known() { # SERVER
	local i
	for ((i = 0; i < clients; i++)); do
		echo "WHATSAT client$i 1 0"
	done | inside "$HERD_BINDIR/herdctl" -s "$1" send 2>/dev/null |
		grep -c '^AT Wilkes ' || :
}

# In $took: milliseconds until it runs again and knows everything.
kill_and_wait() { # SERVER
	local start old new i
	old=$(property "herdd@$1" MainPID)
	start=$(now_us)
	inside systemctl kill --signal=KILL "herdd@$1"
	for ((i = 0; i < 400; i++)); do
		new=$(property "herdd@$1" MainPID)
		if [ "$new" != 0 ] && [ "$new" != "$old" ] &&
			[ "$(property "herdd@$1" ActiveState)" = active ] &&
			[ "$(count_known "$1")" = "$clients" ]; then
			took=$((($(now_us) - start) / 1000))
			return
		fi
		sleep 0.02
	done
	fail "$1 was killed and knows $(count_known "$1") of $clients clients"
}

# Again and again: that must not tire systemd. Other tests may keep this
# machine busy, so the best time counts.
survive_kills() {
	local i best=1000000 server
	say "kill -9"
	for ((i = 0; i < clients; i++)); do
		echo "IAMAT client$i +1.0+1.0 1500000000"
	done | inside "$HERD_BINDIR/herdctl" -s Wilkes send >/dev/null
	for i in {1..50}; do
		[ "$(count_known Welsh)" != $clients ] || break
		sleep 0.05
	done
	for server in Welsh Holiday Welsh Goloman Welsh Welsh; do
		kill_and_wait $server
		echo "$server was back, with all it had known, after $took ms"
		[ "$took" -gt $best ] || best=$took
	done
	[ $best -lt 1000 ] || fail "it should be back within a second"
}

await_said() { # LOG PATTERN [TIMES]
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(inside grep -c "$2" "$1")" -lt "${3:-1}" ] || return 0
		sleep 0.05
	done
	fail "$1 does not say $2"
}

await_status() { # PATTERN of what Hands says, and runs
	local i
	for ((i = 0; i < 200; i++)); do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $(property herdd@Hands StatusText) != $1 ]] ||
			[ "$(property herdd@Hands ActiveState)" != active ] ||
			return 0
		sleep 0.05
	done
	fail "its status: $(property herdd@Hands StatusText)"
}

check_reload() {
	local pid log=/var/log/herd/Hands.log
	say "systemctl reload"
	pid=$(property herdd@Hands MainPID)
	inside sed --in-place=.good \
		's/^stop_timeout = .*/stop_timeout = 2.25;/' "$HERD_CONF"
	inside systemctl reload herdd@Hands
	await_said "$log" 'configuration read again: stop_timeout$'

	say "systemctl reload with a mistake in the file"
	inside bash -c "echo 'limit = 1;' >>'$HERD_CONF'"
	inside systemctl reload herdd@Hands
	await_said "$log" 'configuration not taken, .*: unknown option limit;'
	await_status 'Serving: *was not taken'
	inside mv "$HERD_CONF.good" "$HERD_CONF"
	inside systemctl reload herdd@Hands
	await_said "$log" 'configuration read again: stop_timeout$' 2
	await_status 'Serving: *worker*[!n]' # not "... taken"
	[ "$(property herdd@Hands MainPID)" = "$pid" ] || fail "another process"
	[ "$(property herdd@Hands ActiveState)" = active ] || fail "it ended"
	location_at Hands kiwi | grep -q '^AT Goloman' || fail "no answer"
}

check_log_rotation() {
	local log=/var/log/herd/Hands.log i
	say "logrotate"
	inside mv "$log" "$log.1"
	inside systemctl kill --signal=USR1 'herdd@*'
	for i in {1..200}; do
		! inside test -s "$log" || return 0
		sleep 0.05
	done
	fail "no new $log"
}

# Root's key reaches the server without being readable by it in its place.
check_credential() {
	local key="${HERD_CONF%/*}/places.key" handed
	handed=/run/credentials/herdd@Welsh.service/places.key
	say "the key for the places provider"
	inside bash -c "umask 077; echo 'a secret' >'$key'"
	inside systemctl restart herdd@Welsh
	[ "$(inside cat $handed)" = "a secret" ] || fail "no key in $handed"
	[ "$(inside cat ${handed/Welsh/Hands})" = "" ] ||
		fail "Hands was started without a key"
	! inside grep -r 'a secret' /var/log/herd || fail "the key is in the log"
	inside rm "$key"
}

# The same with the secret of the herd: all five read it as a credential, and
# find each other by it.
check_secret() {
	local secret="${HERD_CONF%/*}/herd.secret" line
	say "the secret of the herd"
	inside bash -c "umask 077; head -c 32 /dev/urandom | base64 >'$secret'"
	inside sed --in-place=.good \
		's/# secret_file = .*/secret_file = "herd.secret";/' "$HERD_CONF"
	inside systemctl restart "${units[@]}"
	line=$(inside "$HERD_BINDIR/herdctl" -s Goloman \
		iamat secret.kiwi +34.068930-118.445127)
	await_location Welsh secret.kiwi "$line" 10
	inside grep -q ' secret: ' /var/log/herd/Welsh.log ||
		fail "Welsh has no secret"
	! inside grep -r "$(inside cat "$secret")" /var/log/herd ||
		fail "the secret is in the log"
	inside mv "$HERD_CONF.good" "$HERD_CONF"
	inside rm "$secret"
	inside systemctl restart "${units[@]}"
}

# A bad configuration keeps a server from starting, and says why.
check_bad_configuration() {
	say "a configuration with a mistake"
	inside sed --in-place=.good 's/^threading = .*/threading = "both";/' \
		"$HERD_CONF"
	! inside systemctl restart herdd@Wilkes 2>/dev/null ||
		fail "it was accepted"
	inside systemctl stop herdd@Wilkes
	inside journalctl --unit=herdd@Wilkes --output=cat |
		grep "^herdd: $HERD_CONF:[0-9]*: threading" | tail -n 1 ||
		fail "the journal does not say why"
	inside mv "$HERD_CONF.good" "$HERD_CONF"
	inside systemctl reset-failed herdd@Wilkes
	inside systemctl start herdd@Wilkes
}

# herd-places that wants a key, which root alone can read, and which it gets
# handed over as herdd does.
start_places() {
	local dropin=/run/systemd/system/herd-places.service.d key=$1
	inside mkdir -p $dropin
	inside bash -c "umask 077; echo a-secret >'$key'"
	inside bash -c "cat >$dropin/key.conf" <<-END
		[Service]
		LoadCredential=places.key:$key
		ExecStart=
		ExecStart=$HERD_BINDIR/herd-places --listen 127.0.0.1:12080 \\
			--api-key-file %d/places.key
	END
	inside systemctl daemon-reload
	inside systemctl start herd-places
	# shellcheck disable=SC2016 # it is for the shell inside
	inside bash -c 'for i in {1..200}; do
			exec 3<>/dev/tcp/127.0.0.1/12080 && exit
			sleep 0.05
		done 2>/dev/null
		exit 1' || fail "no answer from herd-places"
}

places_near() { # ID
	inside "$HERD_BINDIR/herdctl" -s Welsh whatsat "$1" 10 5
}

# Built without herd-places, there is none.
check_places() {
	local key="${HERD_CONF%/*}/places.key" line places
	[ -e "$root$HERD_UNITDIR/herd-places.service" ] || return 0
	say "WHATSAT, with herd-places and the key for it"
	start_places "$key"
	line=$(inside "$HERD_BINDIR/herdctl" -s Goloman \
		iamat near.kiwi +34.068930-118.445127)
	inside sed --in-place=.good 's/^\t# \(url\|key_file\) = /\t\1 = /' \
		"$HERD_CONF"
	inside systemctl restart herdd@Welsh
	await_location Welsh near.kiwi "$line" 10
	places=$(places_near near.kiwi)
	[[ $places == "$line"$'\n{'*'"name" : "Westwood"'* ]] ||
		fail "no places: $places"
	! inside grep -r a-secret /var/log/herd || fail "the key is in the log"

	say "the same without herd-places"
	inside systemctl stop herd-places
	[ "$(property herd-places Result)" = success ] ||
		fail "herd-places: $(property herd-places Result)"
	places=$(places_near near.kiwi)
	[[ $places == "$line"$'\n{'*'"status" : "UNKNOWN_ERROR"'* ]] ||
		fail "another answer than expected: $places"
	inside mv "$HERD_CONF.good" "$HERD_CONF"
	inside rm "$key"
	inside rm -r /run/systemd/system/herd-places.service.d
	inside systemctl daemon-reload
	inside systemctl restart herdd@Welsh
}

stop_all() {
	local unit start took
	say "systemctl disable --now ${units[*]}"
	start=$(now_us)
	inside systemctl --quiet disable --now "${units[@]}"
	took=$((($(now_us) - start) / 1000))
	echo "stopped after $took ms"
	# Once stop_timeout, and time for all that is not herdd.
	[ $took -lt 4000 ] || fail "stopping took too long"
	for unit in "${units[@]}"; do
		[ "$(property "$unit" ActiveState)" = inactive ] ||
			fail "$unit: $(property "$unit" ActiveState)"
		[ "$(property "$unit" Result)" = success ] ||
			fail "$unit: $(property "$unit" Result)"
		[ "$(property "$unit" ExecMainStatus)" = 0 ] ||
			fail "$unit: status $(property "$unit" ExecMainStatus)"
		inside grep ' stopped: ' "/var/log/herd/${unit#herdd@}.log" |
			tail -n 1 | grep 'all was done$' ||
			fail "$unit did not finish what was begun"
	done
}

# What has been written to the sandbox: files, and whatever bears our name.
# Devices are marks of the overlay for what is gone.
list_written() {
	find "$dir/upper" '(' -path "$dir/upper/var" -o -path "$dir/upper/tmp" \
		-o -path "$dir/upper/run" ')' -prune -o ! -type c \
		'(' ! -type d -o -name '*herd*' ')' -printf '/%P\n' |
		grep -vE '^/etc/((passwd|group|g?shadow)-?|[.]pwd[.]lock)$' | sort
}

uninstall() {
	say "make uninstall"
	make_here uninstall >/dev/null
	list_written >"$dir/after"
	# The user herd may own files, and the log tells what was.
	! comm -13 "$dir/before" "$dir/after" | grep . ||
		fail "this was left behind"
}

check_requirements
boot
install
start_all
check_process
talk
survive_kills
check_reload
check_log_rotation
check_credential
check_secret
check_bad_configuration
check_places
stop_all
uninstall
say "all well"
