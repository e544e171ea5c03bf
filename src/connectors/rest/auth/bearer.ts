import { required, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { fixed } from './fixed.ts'
import { fitsHeader, header } from './place.ts'
import { readSecret, type Secret, secretRule } from './secret.ts'

/**
 * `Authorization: Bearer …` (RFC 6750), with a token that somebody else takes care of.
 *
 * ```ts
 * rest({ url, schema, auth: bearer({ env: 'API_TOKEN' }) })
 * ```
 *
 * @throws OptionError also at a request, when the token isn't found or doesn't fit into a header.
 */
export function bearer(token: Secret): Authorization {
  validateOptions('bearer', { token }, { token: required(secretRule) })
  return fixed('bearer', header('authorization'), [token], async () => {
    const secret = fitsHeader(await readSecret('bearer', 'token', token), 'bearer: the token')
    return { value: `Bearer ${secret}`, secrets: [secret] }
  })
}
