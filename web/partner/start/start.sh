#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# From an empty folder to a working sign-in with Danh:
#
#   curl -sSO {door}/start.sh
#   sh start.sh go|js|java|curl STATEMENT
#
# STATEMENT is a file with the software statement that the partner door gave.
# The script registers a client by it, fetches a small program, and runs it. What
# it registered it keeps beside itself, and does not register twice.
set -eu
issuer=${ISSUER:-{issuer}} door=${DOOR:-{door}} port=${PORT:-9000}
language=${1:-} statement=${2:-}
case $language in go | js | java | curl) ;; *)
	echo "usage: sh start.sh go|js|java|curl STATEMENT" >&2
	exit 2
	;;
esac
need() { command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }; }
need curl "install curl"
field() { tr -d '\n' | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

if [ ! -f client.json ]; then
	[ -f "$statement" ] || { echo "there is no file with a software statement: make one at $door" >&2; exit 1; }
	umask 077
	curl -sS --fail-with-body -X POST "$issuer/register" -H 'Content-Type: application/json' -o client.json.new \
		-d "{\"software_statement\":\"$(tr -d ' \n' <"$statement")\",\"redirect_uris\":[\"http://localhost:$port/callback\"],\"token_endpoint_auth_method\":\"client_secret_basic\"}" ||
		{ cat client.json.new >&2; echo >&2; rm -f client.json.new; exit 1; }
	mv client.json.new client.json
	echo "registered, see client.json; keep it to yourself" >&2
fi
ISSUER=$issuer PORT=$port CLIENT_ID=$(field client_id <client.json) CLIENT_SECRET=$(field client_secret <client.json) SCOPE=${SCOPE:-$(field scope <client.json | tr ' ' '\n' | awk '/^purpose:/ && !p {p=$0} END {print "openid", p}')}
export ISSUER PORT CLIENT_ID CLIENT_SECRET SCOPE
echo "client $CLIENT_ID asks for: $SCOPE" >&2
fetch() { curl -sS --fail -o "$1" "$door/examples/$1"; }
case $language in
go)
	need go "see https://go.dev/dl/"
	fetch main.go
	[ -f go.mod ] || { go mod init example && go get github.com/coreos/go-oidc/v3/oidc@v3.21.0 golang.org/x/oauth2@v0.37.0; }
	exec go run main.go
	;;
js)
	need node "Node.js 20 or later"
	fetch app.mjs
	[ -d node_modules/openid-client ] || npm install --no-audit --no-fund openid-client@6.8.9 >&2
	exec node app.mjs
	;;
java)
	need java "a JDK from version 17"
	fetch App.java
	jars=${JACKSON:-/usr/share/java}
	exec java -cp "$jars/jackson-core.jar:$jars/jackson-databind.jar:$jars/jackson-annotations.jar" App.java
	;;
curl)
	need openssl "install openssl"
	fetch signin.sh
	exec sh signin.sh
	;;
esac
