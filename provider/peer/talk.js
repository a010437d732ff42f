// SPDX-License-Identifier: Apache-2.0
// How a peer talks to the test that started it: one JSON document a line.
import { request } from 'node:https'
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export const config = JSON.parse((await lines.next()).value)

export const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n')

// The test walks a browser through the address and answers with where it ended.
export async function visit(url) {
  tell({ visit: String(url) })
  return new URL(JSON.parse((await lines.next()).value))
}

// overTLS is fetch with a client's certificate, which the platform's own lacks.
export const overTLS = ({ certificate, key, ca }) => (url, init) => new Promise((resolve, reject) => {
  const r = request(url, { method: init.method, headers: Object.fromEntries(new Headers(init.headers)), cert: certificate, key, ca }, (res) => {
    const chunks = []
    res.on('data', (b) => chunks.push(b))
    res.on('end', () => resolve(new Response([204, 304].includes(res.statusCode) ? null : Buffer.concat(chunks), { status: res.statusCode, headers: Object.entries(res.headersDistinct).flatMap(([k, all]) => all.map((v) => [k, v])) })))
  })
  r.on('error', reject)
  r.end(init.body ? String(init.body) : undefined)
})

export function finish(result) {
  tell({ done: result })
  process.exit(0)
}

export async function refuses(what, f) {
  try {
    await f()
  } catch {
    return
  }
  throw new Error(what + ' was accepted')
}
