// SPDX-License-Identifier: Apache-2.0
// A bank of the FAPI 2.0 profile, with oauth4webapi, the strictest of them.
import * as oauth from 'oauth4webapi'
import { config as given, finish, overTLS, refuses, visit } from './talk.js'

const issuer = new URL(given.issuer)
const base = given.jwk ? {} : { [oauth.customFetch]: overTLS(given) }
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, base))
const client = { client_id: given.client, id_token_signed_response_alg: 'ES256', use_mtls_endpoint_aliases: true }
let auth = oauth.TlsClientAuth()
let options = base
if (given.jwk) {
  const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  auth = oauth.PrivateKeyJwt({ key, kid: given.jwk.kid })
  options = { ...base, DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) }
}
for (const [what, want] of Object.entries({ authorization_response_iss_parameter_supported: true, tls_client_certificate_bound_access_tokens: true })) {
  if (as[what] !== want) throw new Error(what + ' is ' + as[what])
}
for (const alg of as.token_endpoint_auth_signing_alg_values_supported.concat(as.dpop_signing_alg_values_supported)) {
  if (!['ES256', 'PS256', 'EdDSA'].includes(alg)) throw new Error(alg + ' is offered')
}

// The server's nonce is asked for once, and the request repeated with it.
let asked = 0
async function again(request, process) {
  const send = async () => process(await request())
  return send().catch((error) => {
    if (!oauth.isDPoPNonceError(error)) throw error
    asked++
    return send()
  })
}

const verifier = oauth.generateRandomCodeVerifier()
const nonce = oauth.generateRandomNonce()
const state = oauth.generateRandomState()
const pushed = await again(async () => oauth.pushedAuthorizationRequest(as, client, auth, new URLSearchParams({
  response_type: 'code', redirect_uri: given.redirect, scope: given.scope, state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
}), options), (r) => oauth.processPushedAuthorizationResponse(as, client, r))
if (pushed.expires_in >= 600) throw new Error('the request lives for ' + pushed.expires_in)
const start = new URL(as.authorization_endpoint)
start.searchParams.set('client_id', given.client)
start.searchParams.set('request_uri', pushed.request_uri)
const answer = oauth.validateAuthResponse(as, client, await visit(start), state)
let response
const tokens = await again(() => oauth.authorizationCodeGrantRequest(as, client, auth, answer, given.redirect, verifier, options), (r) => {
  response = r
  return oauth.processAuthorizationCodeResponse(as, client, r, { expectedNonce: nonce, requireIdToken: true })
})
await oauth.validateApplicationLevelSignature(as, response, base)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await again(() => oauth.userInfoRequest(as, client, tokens.access_token, options), (r) => oauth.processUserInfoResponse(as, client, claims.sub, r))

// RFC 9068 with RFC 9449, as a resource server checks it.
let access
if (given.jwk) {
  const url = new URL('https://resource.example/accounts')
  let sent
  await oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, undefined, {
    ...options, [oauth.customFetch]: async (at, init) => { sent = new Request(at, init); return new Response() },
  })
  access = await oauth.validateJwtAccessToken(as, sent, given.issuer, { ...base, requireDPoP: true, signingAlgorithms: ['ES256'] })
  await refuses('a token without its proof', async () => oauth.validateJwtAccessToken(as, new Request(url, { headers: { authorization: 'Bearer ' + tokens.access_token } }), given.issuer, { ...base, signingAlgorithms: ['ES256'] }))
}

const refreshed = await again(() => oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, options), (r) => oauth.processRefreshTokenResponse(as, client, r))
const live = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, refreshed.access_token, base))
await refuses('a used code', async () => again(() => oauth.authorizationCodeGrantRequest(as, client, auth, answer, given.redirect, verifier, options), (r) => oauth.processAuthorizationCodeResponse(as, client, r)))
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, refreshed.refresh_token, base))
const revoked = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, refreshed.access_token, base))

finish({ claims, userinfo, access, live, revoked, asked, type: tokens.token_type, rotated: refreshed.refresh_token !== tokens.refresh_token })
