// SPDX-License-Identifier: Apache-2.0
// The provider as openid-client sees it, with every check that it has.
import * as client from 'openid-client'
import { config as given, finish, refuses, visit } from './talk.js'

let auth = given.secret ? client.ClientSecretBasic(given.secret) : undefined
if (given.jwk) {
  const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  auth = client.PrivateKeyJwt({ key, kid: given.jwk.kid })
}
const config = await client.discovery(new URL(given.issuer), given.client, { id_token_signed_response_alg: 'ES256' }, auth, { execute: [client.allowInsecureRequests] })
client.enableNonRepudiationChecks(config)

async function ask(more) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const parameters = {
    redirect_uri: given.redirect, scope: given.scope, state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  }
  return { parameters, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } }
}

// 1. Pushed, with claims.
const first = await ask({ claims: given.claims })
const callback = await visit(await client.buildAuthorizationUrlWithPAR(config, first.parameters))
const mixedUp = new URL(callback)
mixedUp.searchParams.set('iss', 'https://attacker.example')
await refuses('an answer of another issuer', () => client.authorizationCodeGrant(config, mixedUp, first.checks))
const tokens = await client.authorizationCodeGrant(config, callback, { ...first.checks, maxAge: 3600 })
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)

// 2. The refresh token rotates and its access token works.
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
const live = await client.tokenIntrospection(config, refreshed.access_token)

// 3. A used code is refused, and takes the grant with it.
await refuses('a used code', () => client.authorizationCodeGrant(config, callback, first.checks))
const dead = await client.tokenIntrospection(config, refreshed.access_token)

// 4. In the plain way, with a fresh sign-in; then revoked.
const second = await ask({ prompt: 'login', max_age: '0' })
const again = await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, second.parameters)), { ...second.checks, maxAge: 60 })
await client.tokenRevocation(config, again.refresh_token)
const revoked = await client.tokenIntrospection(config, again.access_token)

// 5. In silence.
const third = await ask({ prompt: 'none' })
const silent = await client.authorizationCodeGrant(config, await visit(client.buildAuthorizationUrl(config, third.parameters)), third.checks)

const out = await visit(client.buildEndSessionUrl(config, { id_token_hint: silent.id_token, post_logout_redirect_uri: given.bye, state: 'bye' }))

finish({ claims, userinfo, live, dead, revoked, rotated: refreshed.refresh_token !== tokens.refresh_token, laterSignIn: again.claims().auth_time > claims.auth_time, bye: out.searchParams.get('state') })
