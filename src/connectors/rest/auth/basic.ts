import { OptionError } from '../../../errors.ts'
import { required, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { fixed } from './fixed.ts'
import { header } from './place.ts'
import { readSecret, type Secret, secretRule } from './secret.ts'

/** Options of {@link basic}. */
export interface BasicOptions {
  /** Has no `:`. An API that takes a key as the user's name wants it here. */
  readonly user: Secret
  /** Left out: an empty password. */
  readonly password?: Secret
}

/**
 * User and password (RFC 7617), in UTF-8.
 * @throws OptionError also at a request, when one of them isn't found or the user's name has a `:`.
 */
export function basic(options: BasicOptions): Authorization {
  validateOptions('basic', options, { user: required(secretRule), password: secretRule })
  const { user, password } = options
  return fixed('basic', header('authorization'), [user, password], async () => {
    const name = await readSecret('basic', 'user', user)
    if (name.includes(':')) throw new OptionError('basic: option "user" must have no ":", which ends a user\'s name')
    const secret = password === undefined ? '' : await readSecret('basic', 'password', password)
    const encoded = Buffer.from(`${name}:${secret}`).toString('base64')
    return { value: `Basic ${encoded}`, secrets: secret === '' ? [encoded, name] : [encoded, secret] }
  })
}
