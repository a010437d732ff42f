// SPDX-License-Identifier: Apache-2.0
// How a peer talks to the test that started it: one JSON document a line.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export const config = JSON.parse((await lines.next()).value)

export const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n')

// The test walks a browser through the address and answers with where it ended.
export async function visit(url) {
  tell({ visit: String(url) })
  return new URL(JSON.parse((await lines.next()).value))
}

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
