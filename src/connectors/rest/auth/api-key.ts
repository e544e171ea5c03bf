import { OptionError } from '../../../errors.ts'
import { type OptionRule, required, rules, validateOptions } from '../../../options.ts'
import type { Authorization } from '../http/types.ts'
import { fixed } from './fixed.ts'
import { fitsHeader, header, queryParameter } from './place.ts'
import { readSecret, type Secret, secretRule } from './secret.ts'

/** Options of {@link apiKey}. */
export type ApiKeyOptions = {
  readonly value: Secret
  /** Goes before the value: `'Token '`, `'Splunk '`. @default '' */
  readonly prefix?: string
} & (
  | {
      /** The header that carries it: `'x-api-key'`. */
      readonly header: string
      readonly query?: never
    }
  | {
      /** The query parameter that carries it. URLs end up in logs of proxies: take a header where there is the choice. */
      readonly query: string
      readonly header?: never
    }
)

const headerName: OptionRule = {
  expected: 'the name of a header',
  accepts: (value) => typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value),
}

/**
 * A key in a header or in the query.
 *
 * ```ts
 * apiKey({ header: 'x-api-key', value: { file: '/run/secrets/key' } })
 * apiKey({ query: 'appid', value: { env: 'WEATHER_KEY' } })
 * ```
 *
 * @throws OptionError also at a request, when the key isn't found or doesn't fit into a header.
 */
export function apiKey(options: ApiKeyOptions): Authorization {
  validateOptions('apiKey', options, {
    value: required(secretRule),
    prefix: rules.string,
    header: headerName,
    query: rules.string,
  })
  const { value, prefix = '', header: headerOption, query } = options
  if ((headerOption === undefined) === (query === undefined))
    throw new OptionError('apiKey: give one of the options "header" and "query": where the API looks for the key')
  const place = headerOption === undefined ? queryParameter(query as string) : header(headerOption)
  return fixed('api key', place, [value], async () => {
    const secret = await readSecret('apiKey', 'value', value)
    const whole = prefix + secret
    return { value: headerOption === undefined ? whole : fitsHeader(whole, 'apiKey: the key'), secrets: [secret] }
  })
}
