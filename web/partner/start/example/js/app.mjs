// SPDX-License-Identifier: Apache-2.0

// A sign-in with Danh in JavaScript, on openid-client.
//
//   npm install openid-client@6.8.9
//   ISSUER=… CLIENT_ID=… CLIENT_SECRET=… SCOPE='openid purpose:… profile' node app.mjs
import { createServer } from 'node:http'
import * as client from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE } = process.env
const issuer = new URL(ISSUER)
// Plain http is for this machine alone.
const options = issuer.protocol === 'http:' ? { execute: [client.allowInsecureRequests] } : {}
const config = await client.discovery(issuer, CLIENT_ID, undefined, client.ClientSecretBasic(CLIENT_SECRET), options)
client.enableNonRepudiationChecks(config)
const port = Number(process.env.PORT ?? 9000)
const home = 'http://localhost:' + port + '/', redirect_uri = home + 'callback'

const cookies = (request) => Object.fromEntries((request.headers.cookie ?? '').split('; ').map((c) => c.split('=')))
// Whatever belongs to one sign-in stays with the browser that began it.
const keep = (o) => Object.entries(o).map(([k, v]) => k + '=' + v + '; Path=/; Max-Age=600; HttpOnly; SameSite=Lax')

createServer(async (request, response) => {
  const url = new URL(request.url, redirect_uri)
  try {
    if (url.pathname === '/') {
      const state = client.randomState(), nonce = client.randomNonce(), verifier = client.randomPKCECodeVerifier()
      const to = await client.buildAuthorizationUrlWithPAR(config, { redirect_uri, scope: SCOPE, state, nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' })
      response.writeHead(302, { location: to.href, 'set-cookie': keep({ state, nonce, verifier }) }).end()
      return
    }
    if (url.pathname !== '/callback') {
      response.writeHead(404).end('not found\n')
      return
    }
    const { state, nonce, verifier } = cookies(request)
    // Checks state, iss (RFC 9207), the ID token's signature and its nonce.
    const tokens = await client.authorizationCodeGrant(config, url, { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true })
    const { sub } = tokens.claims()
    const claims = await client.fetchUserInfo(config, tokens.access_token, sub)
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('signed in: ' + sub + '\n' + JSON.stringify(claims, null, 2) + '\n')
  } catch (e) {
    response.writeHead(e.error ? 403 : 502, { 'content-type': 'text/plain; charset=utf-8' }).end(`${e.error ?? e.message}: ${e.error_description ?? ''}\n`)
  }
}).listen(port, 'localhost', () => console.error('open ' + home))
