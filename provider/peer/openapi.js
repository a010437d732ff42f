// SPDX-License-Identifier: Apache-2.0

// Reads an OpenAPI document on its input and holds it to the published schema.
import { Validator } from '@seriousme/openapi-schema-validator'
import { text } from 'node:stream/consumers'

const validator = new Validator()
const result = await validator.validate(JSON.parse(await text(process.stdin)))
console.log(JSON.stringify({ valid: result.valid, version: validator.version, errors: result.errors }))
