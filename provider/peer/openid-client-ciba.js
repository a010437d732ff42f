// SPDX-License-Identifier: Apache-2.0
// A request that her phone answers, as openid-client makes it.
import * as client from 'openid-client'
import { config as given, finish, refuses, visit } from './talk.js'

let auth = given.secret ? client.ClientSecretBasic(given.secret) : undefined
if (given.jwk) {
  const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  auth = client.PrivateKeyJwt({ key, kid: given.jwk.kid })
}
const config = await client.discovery(new URL(given.issuer), given.client, { id_token_signed_response_alg: 'ES256' }, auth, { execute: [client.allowInsecureRequests] })
client.enableNonRepudiationChecks(config)

// 1. Poll until she has answered.
const asked = await client.initiateBackchannelAuthentication(config, { scope: 'openid profile', login_hint: given.hint, binding_message: 'K7 5.000.000' })
await visit('answer:' + asked.danh_match)
const tokens = await client.pollBackchannelAuthenticationGrant(config, asked)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)

// 2. She says no to the next, of which the client knows her by its own name for her.
const next = await client.initiateBackchannelAuthentication(config, { scope: 'openid profile', login_hint: claims.sub })
await visit('refuse:')
await refuses('a refused request', () => client.pollBackchannelAuthenticationGrant(config, next))

finish({ claims, userinfo, request: asked.auth_req_id, interval: asked.interval })
