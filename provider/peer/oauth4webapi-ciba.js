// SPDX-License-Identifier: Apache-2.0
// A request that her phone answers, as oauth4webapi makes it, poll by poll; signed
// where the client has a key.
import * as oauth from 'oauth4webapi'
import { config as given, finish, visit } from './talk.js'

const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(given.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
const client = { client_id: given.client, id_token_signed_response_alg: 'ES256' }
let auth = given.secret ? oauth.ClientSecretBasic(given.secret) : undefined
let key
if (given.jwk) {
  key = { key: await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']), kid: given.jwk.kid }
  auth = oauth.PrivateKeyJwt(key)
}

async function ask(parameters) {
  let body = new URLSearchParams(parameters)
  if (key) {
    body = new URLSearchParams({ request: await oauth.issueRequestObject(as, client, body, key) })
  }
  return oauth.processBackchannelAuthenticationResponse(as, client, await oauth.backchannelAuthenticationRequest(as, client, auth, body, insecure))
}

async function poll(request) {
  const answer = await oauth.backchannelAuthenticationGrantRequest(as, client, auth, request, insecure)
  try {
    return await oauth.processBackchannelAuthenticationGrantResponse(as, client, answer)
  } catch (e) {
    return e.error
  }
}

const asked = await ask({ scope: 'openid profile', login_hint: given.hint, binding_message: 'K7 5.000.000', requested_expiry: '120' })
const first = await poll(asked.auth_req_id)
const second = await poll(asked.auth_req_id)
await visit('answer:' + asked.danh_match)
const tokens = await poll(asked.auth_req_id)
const again = await poll(asked.auth_req_id)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const access = await oauth.userInfoRequest(as, client, tokens.access_token, insecure)
const userinfo = await oauth.processUserInfoResponse(as, client, claims.sub, access)

finish({ first, second, again, claims, userinfo, request: asked.auth_req_id, expires: asked.expires_in, interval: asked.interval })
