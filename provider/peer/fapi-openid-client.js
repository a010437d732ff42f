// SPDX-License-Identifier: Apache-2.0
// A bank of the FAPI 2.0 profile, with openid-client and every check that it has.
import * as client from 'openid-client'
import { config as given, finish, overTLS, refuses, visit } from './talk.js'

const metadata = { id_token_signed_response_alg: 'ES256', use_mtls_endpoint_aliases: true }
let auth
const options = {}
if (given.jwk) {
  const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
  auth = client.PrivateKeyJwt({ key, kid: given.jwk.kid })
} else {
  auth = client.TlsClientAuth()
  options[client.customFetch] = overTLS(given)
}
const config = await client.discovery(new URL(given.issuer), given.client, metadata, auth, options)
client.enableNonRepudiationChecks(config)
const bound = given.jwk ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) } : {}

async function ask() {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  return {
    parameters: {
      redirect_uri: given.redirect, scope: given.scope, state, nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    },
    checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
  }
}

const first = await ask()
const callback = await visit(await client.buildAuthorizationUrlWithPAR(config, first.parameters, bound))
const mixedUp = new URL(callback)
mixedUp.searchParams.set('iss', 'https://attacker.example')
await refuses('an answer of another issuer', () => client.authorizationCodeGrant(config, mixedUp, first.checks, undefined, bound))
const tokens = await client.authorizationCodeGrant(config, callback, first.checks, undefined, bound)
const claims = tokens.claims()
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub, bound)
if (given.jwk) {
  const other = { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256')) }
  await refuses('a token with another key', () => client.fetchUserInfo(config, tokens.access_token, claims.sub, other))
  await refuses('a token without its key', () => client.fetchUserInfo(config, tokens.access_token, claims.sub))
}
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, bound)
await client.fetchUserInfo(config, refreshed.access_token, claims.sub, bound)
const live = await client.tokenIntrospection(config, refreshed.access_token)
await refuses('a request that was not pushed', async () => {
  const second = await ask()
  const back = await visit(client.buildAuthorizationUrl(config, second.parameters))
  await client.authorizationCodeGrant(config, back, second.checks, undefined, bound)
})
await client.tokenRevocation(config, refreshed.refresh_token)
const revoked = await client.tokenIntrospection(config, refreshed.access_token)

finish({ claims, userinfo, live, revoked, type: tokens.token_type, rotated: refreshed.refresh_token !== tokens.refresh_token })
