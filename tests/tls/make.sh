#!/usr/bin/env bash
# Make the certificates of the tests anew: ca.pem signs server.pem, whose key is
# server-key.pem. Good for localhost, 127.0.0.1 and ::1, for a hundred years.
# They are public with the sources and protect nothing; the key of the authority
# is thrown away. Needs openssl; the tests do not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

new_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out "$1"
}

new_key "$work/ca-key.pem"
new_key server-key.pem
openssl req -x509 -new -key "$work/ca-key.pem" -days 36500 -out ca.pem \
	-subj '/CN=herd tests' -addext 'keyUsage=critical,keyCertSign'
openssl req -new -key server-key.pem -subj '/CN=localhost' \
	-out "$work/server.csr"
openssl x509 -req -in "$work/server.csr" -CA ca.pem \
	-CAkey "$work/ca-key.pem" -days 36500 -out server.pem -extfile - <<'END'
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
extendedKeyUsage = serverAuth
END
