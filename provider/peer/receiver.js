// SPDX-License-Identifier: Apache-2.0
// A client's server that receives back-channel logouts and security events: it
// checks them with jose and manages its stream with tokens of openid-client.
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import { config as given, finish, refuses, visit } from './talk.js'

const logouts = []
const events = []
const seen = new Set()
let keys

async function check(token, typ) {
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer: given.issuer, audience: given.client, typ, algorithms: ['ES256'], requiredClaims: ['iat', 'jti', 'events'] })
  if (seen.has(payload.jti)) throw new Error('a jti came twice')
  seen.add(payload.jti)
  if (payload.nonce !== undefined) throw new Error('with a nonce')
  return { ...payload, kid: protectedHeader.kid }
}

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (b) => chunks.push(b))
  request.on('end', async () => {
    const body = Buffer.concat(chunks).toString()
    try {
      if (request.url === '/logout') {
        // Back-Channel Logout 1.0, section 2.6
        const t = await check(new URLSearchParams(body).get('logout_token'), 'logout+jwt')
        if (!('http://schemas.openid.net/event/backchannel-logout' in t.events) || !(t.sub || t.sid) || !t.exp) throw new Error('no logout token')
        logouts.push(t)
        response.writeHead(200, { 'Cache-Control': 'no-store' }).end()
        return
      }
      if (request.headers['content-type'] !== 'application/secevent+jwt') throw new Error('the wrong type')
      const t = await check(body, 'secevent+jwt')
      if (t.sub !== undefined || t.exp !== undefined || !t.sub_id) throw new Error('no event of the framework')
      events.push({ ...t, authorization: request.headers.authorization })
      response.writeHead(202).end()
    } catch (e) {
      response.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify({ err: 'invalid_request', description: String(e) }))
      console.error(String(e))
    }
  })
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const base = `http://127.0.0.1:${server.address().port}`

// 1. The test registers the addresses.
await visit(base)
const config = await client.discovery(new URL(given.issuer), given.client, {}, client.ClientSecretBasic(given.secret), { execute: [client.allowInsecureRequests] })
const metadata = config.serverMetadata()
keys = createRemoteJWKSet(new URL(metadata.jwks_uri))

// 2. Its stream: found by the framework's discovery, set up, verified.
const about = await (await fetch(new URL('/.well-known/ssf-configuration', given.issuer))).json()
if (about.issuer !== given.issuer) throw new Error('another transmitter')
const own = await client.clientCredentialsGrant(config, { scope: 'ssf.read ssf.manage' })
async function call(method, address, body, token = own.access_token) {
  const r = await fetch(address, { method, headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) }, body: body && JSON.stringify(body) })
  const text = await r.text()
  return { status: r.status, body: text ? JSON.parse(text) : undefined }
}
const made = await call('POST', about.configuration_endpoint, {
  events_requested: given.events, description: 'peer',
  delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: `${base}/events`, authorization_header: 'Bearer of-the-receiver' },
})
const twice = await call('POST', about.configuration_endpoint, { delivery: made.body.delivery })
const found = await call('GET', `${about.configuration_endpoint}?stream_id=${made.body.stream_id}`)
const listed = await call('GET', about.configuration_endpoint)
const state = await call('GET', `${about.status_endpoint}?stream_id=${made.body.stream_id}`)
const verified = await call('POST', about.verification_endpoint, { stream_id: made.body.stream_id, state: 'of-mine' })
const often = await call('POST', about.verification_endpoint, { stream_id: made.body.stream_id, state: 'again' })
const stranger = await call('GET', about.configuration_endpoint, undefined, 'forged')
await refuses('a scope that is a person\'s', () => client.clientCredentialsGrant(config, { scope: 'openid profile' }))

// 3. She signs in here, and then signs out there.
const verifier = client.randomPKCECodeVerifier()
const checks = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true }
const back = await visit(await client.buildAuthorizationUrlWithPAR(config, {
  redirect_uri: given.redirect, scope: 'openid', state: checks.expectedState, nonce: checks.expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
}))
const claims = (await client.authorizationCodeGrant(config, back, checks)).claims()
await visit('https://she.example/signs-out')

finish({ metadata, about, made, twice, found, listed, state, verified, often, stranger, claims: { sub: claims.sub, sid: claims.sid }, logouts, events })
