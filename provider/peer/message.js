// SPDX-License-Identifier: Apache-2.0
// Signed requests, signed answers, details and resources, as openid-client and
// oauth4webapi make and check them.
import * as client from 'openid-client'
import * as oauth from 'oauth4webapi'
import { config as given, finish, refuses, visit } from './talk.js'

const key = await crypto.subtle.importKey('jwk', given.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const signing = { key, kid: given.jwk.kid }
const metadata = { id_token_signed_response_alg: 'ES256', authorization_signed_response_alg: 'ES256' }
const config = await client.discovery(new URL(given.issuer), given.client, metadata, client.PrivateKeyJwt(signing), { execute: [client.allowInsecureRequests] })
client.enableNonRepudiationChecks(config)
client.useJwtResponseMode(config)

async function ask(more) {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  return {
    parameters: new URLSearchParams({
      redirect_uri: given.redirect, scope: given.scope, state, nonce, claims: given.claims, max_age: '3600',
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
    }),
    checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: 3600 },
  }
}

// 1. Signed and pushed; the answer is signed.
const first = await ask({})
const signed = await client.buildAuthorizationUrlWithJAR(config, first.parameters, signing)
const callback = await visit(await client.buildAuthorizationUrlWithPAR(config, signed.searchParams))
if ([...callback.searchParams.keys()].join() !== 'response') throw new Error('beside the signed answer: ' + callback.search)
const tokens = await client.authorizationCodeGrant(config, callback, first.checks)
const userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
await refuses('a request object that was used before', () => client.buildAuthorizationUrlWithPAR(config, signed.searchParams))

// 2. Signed in the address.
const second = await ask({})
const again = await client.authorizationCodeGrant(config, await visit(await client.buildAuthorizationUrlWithJAR(config, second.parameters, signing)), second.checks)

// 3. Something is done in her name, for an API of the partner's.
const third = await ask({ authorization_details: given.details, resource: given.resource })
const doing = await client.authorizationCodeGrant(config, await visit(await client.buildAuthorizationUrlWithPAR(config, (await client.buildAuthorizationUrlWithJAR(config, third.parameters, signing)).searchParams)), third.checks)
const live = await client.tokenIntrospection(config, doing.access_token)
await refuses('a token for the API at userinfo', () => client.fetchUserInfo(config, doing.access_token, doing.claims().sub))

// 4. The strictest reader of signed answers.
const open = { [oauth.allowInsecureRequests]: true }
const as = await oauth.processDiscoveryResponse(new URL(given.issuer), await oauth.discoveryRequest(new URL(given.issuer), open))
const me = { client_id: given.client, ...metadata }
const auth = oauth.PrivateKeyJwt(signing)
async function push(parameters) {
  const request = await oauth.issueRequestObject(as, me, parameters, signing)
  const answer = await oauth.pushedAuthorizationRequest(as, me, auth, new URLSearchParams({ request }), open)
  const pushed = await oauth.processPushedAuthorizationResponse(as, me, answer)
  const start = new URL(as.authorization_endpoint)
  start.searchParams.set('client_id', given.client)
  start.searchParams.set('request_uri', pushed.request_uri)
  return visit(start)
}
const verifier = oauth.generateRandomCodeVerifier()
const parameters = {
  response_type: 'code', response_mode: 'jwt', redirect_uri: given.redirect, scope: 'openid', state: 'one', nonce: 'n',
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
}
const back = await push(new URLSearchParams(parameters))
await refuses('an answer for another client', () => oauth.validateJwtAuthResponse(as, { ...me, client_id: 'other' }, back, 'one', open))
await refuses('an answer to another request', () => oauth.validateJwtAuthResponse(as, me, back, 'two', open))
await refuses('a signed answer as a plain one', async () => oauth.validateAuthResponse(as, me, back, 'one'))
const answer = await oauth.validateJwtAuthResponse(as, me, back, 'one', open)
const response = await oauth.authorizationCodeGrantRequest(as, me, auth, answer, given.redirect, verifier, open)
await oauth.processAuthorizationCodeResponse(as, me, response, { expectedNonce: 'n', requireIdToken: true })
let error
try {
  await oauth.validateJwtAuthResponse(as, me, await push(new URLSearchParams({ ...parameters, prompt: 'none', authorization_details: given.details })), 'one', open)
} catch (e) {
  error = e.error
}

finish({ userinfo, details: doing.authorization_details, live, error, sub: tokens.claims().sub === again.claims().sub })
