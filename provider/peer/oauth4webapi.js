// SPDX-License-Identifier: Apache-2.0
// The provider as oauth4webapi, the strictest of them, sees it.
import * as oauth from 'oauth4webapi'
import { config as given, finish, refuses, visit } from './talk.js'

const open = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(given.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, open))
const plain = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...open, algorithm: 'oauth2' }))
if (JSON.stringify(as) !== JSON.stringify(plain)) throw new Error('two descriptions of one server')
const client = { client_id: given.client, id_token_signed_response_alg: 'ES256' }
let auth = given.secret ? oauth.ClientSecretBasic(given.secret) : undefined
if (given.jwk) {
  const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  auth = oauth.PrivateKeyJwt({ key, kid: given.jwk.kid })
}

const verifier = oauth.generateRandomCodeVerifier()
const nonce = oauth.generateRandomNonce()
const state = oauth.generateRandomState()
const pushed = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, auth, new URLSearchParams({
  response_type: 'code', redirect_uri: given.redirect, scope: given.scope, state, nonce, claims: given.claims,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
}), open))
const start = new URL(as.authorization_endpoint)
start.searchParams.set('client_id', given.client)
start.searchParams.set('request_uri', pushed.request_uri)
const callback = await visit(start)
await refuses('an answer without issuer', async () => {
  const bare = new URL(callback)
  bare.searchParams.delete('iss')
  oauth.validateAuthResponse(as, client, bare, state)
})
const answer = oauth.validateAuthResponse(as, client, callback, state)
const response = await oauth.authorizationCodeGrantRequest(as, client, auth, answer, given.redirect, verifier, open)
const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, { expectedNonce: nonce, requireIdToken: true })
await oauth.validateApplicationLevelSignature(as, response, open)
const claims = oauth.getValidatedIdTokenClaims(tokens)
const userinfo = await oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, open))

// RFC 9068, as a resource server checks it.
const request = new Request('https://resource.example/', { headers: { authorization: 'Bearer ' + tokens.access_token } })
const access = await oauth.validateJwtAccessToken(as, request, given.issuer, { ...open, signingAlgorithms: ['ES256'] })

const fresh = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, open)
const refreshed = await oauth.processRefreshTokenResponse(as, client, fresh)
await oauth.validateApplicationLevelSignature(as, fresh, open)
const live = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, refreshed.access_token, open))
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, refreshed.refresh_token, open))
const revoked = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, refreshed.access_token, open))
await refuses('a revoked token', async () => oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, refreshed.access_token, open)))

finish({ claims, userinfo, access, live, revoked, rotated: refreshed.refresh_token !== tokens.refresh_token })
