import { firstValueFrom } from 'rxjs'
import { PortError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'
import { redact } from '../../../redact.ts'
import { fromResult, type Result } from '../../../result.ts'
import type { HttpRequest } from '../http/types.ts'
import { type Field, fieldOf, fieldRule, showField } from '../pagination/field.ts'
import { filled } from './fields.ts'
import type { Extract } from './slicing.ts'

/**
 * One value that is asked for: a function, or a request and where its JSON answer has the value. Parts that the request doesn't state are as in the source's
 * (its `params` only where the URL is the source's, too). Fields of a list's item fill it as they fill that one.
 */
export type Question = (() => Result<unknown>) | (Partial<HttpRequest> & { readonly value: Field })

export const questionRule: OptionRule = {
  expected:
    'a function, or a request such as { url, value: "max_id" } where "value" is a path in the answer or { header }',
  accepts: (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && 'value' in value && fieldRule.accepts(value.value)),
}

/** `null` is an answer. @throws PortError when the answer has nothing there. */
export async function answerTo<Row extends object>(
  extract: Extract<Row>,
  question: Question,
  signal: AbortSignal,
): Promise<unknown> {
  if (typeof question === 'function') return firstValueFrom(fromResult('question', question))
  const { value: field, ...request } = question
  const { params: _, ...withoutParams } = extract.request
  const stated = filled({ url: extract.request.url, ...request }, extract.fields)
  const page = await extract.answer(
    { ...(request.url === undefined ? extract.request : withoutParams), ...stated },
    signal,
  )
  const value = fieldOf(page, field)
  if (value !== undefined) return value
  throw new PortError(
    `${extract.owner}: expected a value at ${showField(field)} in the answer of ${redact(page.url)}, found none`,
  )
}
