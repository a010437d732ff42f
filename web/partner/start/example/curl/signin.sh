#!/bin/sh
# SPDX-License-Identifier: Apache-2.0

# A sign-in with Danh by curl, step by step, to see what travels. It does not
# check the ID token's signature: a program must.
#
#   ISSUER=… CLIENT_ID=… CLIENT_SECRET=… SCOPE='openid purpose:… profile' sh signin.sh
set -eu
redirect=http://localhost:${PORT:-9000}/callback
random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
state=$(random) nonce=$(random) verifier=$(random)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=\n')

echo "1. push the request" >&2
pushed=$(curl -sS --fail-with-body -u "$CLIENT_ID:$CLIENT_SECRET" "$ISSUER/par" -d response_type=code -d "redirect_uri=$redirect" --data-urlencode "scope=$SCOPE" \
	-d "state=$state" -d "nonce=$nonce" -d "code_challenge=$challenge" -d code_challenge_method=S256)
uri=$(printf %s "$pushed" | field request_uri)

echo "2. open this in a browser, sign in and agree; then paste the address where you end (it does not load, and need not):" >&2
echo "$ISSUER/authorize?client_id=$CLIENT_ID&request_uri=$uri"
read -r answer
query=${answer#*\?}
value() { printf %s "$query" | tr '&' '\n' | sed -n "s/^$1=//p"; }
[ "$(value state)" = "$state" ] || { echo "this is not an answer to this sign-in" >&2; exit 1; }
[ -z "$(value error)" ] || { echo "refused: $(value error)" >&2; exit 1; }

echo "3. exchange the code" >&2
tokens=$(curl -sS --fail-with-body -u "$CLIENT_ID:$CLIENT_SECRET" "$ISSUER/token" -d grant_type=authorization_code -d "code=$(value code)" -d "redirect_uri=$redirect" -d "code_verifier=$verifier")
access=$(printf %s "$tokens" | field access_token)

echo "4. read what she agreed to" >&2
curl -sS --fail-with-body -H "Authorization: Bearer $access" "$ISSUER/userinfo"
echo
