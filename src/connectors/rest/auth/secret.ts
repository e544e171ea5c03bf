import { readFile } from 'node:fs/promises'
import { firstValueFrom } from 'rxjs'
import { describeError, OptionError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'
import { redactError } from '../../../redact.ts'
import { fromResult, type Result } from '../../../result.ts'

/**
 * A secret, or where it is:
 * - the text itself;
 * - a function that gives it, asked each time it is needed: a vault, a managed identity. `undefined` or an empty text says that it has none. One that doesn't
 *   answer is given up after `timeout.authorize` of the client (of token requests: their `timeout`), and asked anew;
 * - `{ file }`: a mounted secret, read anew each time it is needed, without white space around it. Whoever may read the file has the secret: mode 0400 is enough;
 * - `{ env }`: the name of an environment variable.
 *
 * An empty one is one that wasn't found.
 */
export type Secret = string | (() => Result<string | undefined>) | { readonly file: string } | { readonly env: string }

/** For {@link validateOptions}. The value is never shown. */
export const secretRule: OptionRule = {
  expected:
    'a secret: a text that is not empty, a function that gives it, { file: "path" } or { env: "NAME of a variable" }',
  accepts: (value) =>
    typeof value === 'string' ? value.trim() !== '' : typeof value === 'function' || isSecretPlace(value),
  secret: true,
}

/** Whether a value says where a secret is. */
export function isSecretPlace(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const [[place, name] = [], ...others] = Object.entries(value)
  return (place === 'file' || place === 'env') && typeof name === 'string' && name !== '' && others.length === 0
}

/** What was found, or why nothing was. */
export type Found = { readonly value: string } | { readonly missing: string }

/**
 * Looks for a secret. Only what isn't there counts as missing: a file that may not be read or a function that throws is an error,
 * so that it can't go unnoticed in a chain of places.
 */
export async function findSecret(secret: Secret): Promise<Found> {
  if (typeof secret === 'string') return found(secret, 'the value given')
  if (typeof secret === 'function') return findByFunction(secret)
  if ('env' in secret) {
    const where = `environment variable ${secret.env}`
    const value = process.env[secret.env]
    return value === undefined ? { missing: `${where}: not set` } : found(value, where)
  }
  return findInFile(secret.file)
}

async function findByFunction(secret: () => Result<string | undefined>): Promise<Found> {
  const where = secret.name === '' ? 'a function' : `function ${secret.name}`
  let value: unknown
  try {
    value = await firstValueFrom(fromResult(where, secret))
  } catch (error) {
    const missing = missingOf(error)
    if (missing !== undefined) return { missing }
    throw redactError(error)
  }
  if (value === undefined || value === null) return { missing: `${where}: gave none` }
  if (typeof value !== 'string')
    throw new OptionError(`${where} must give a secret as a text, and gave a ${typeof value}`)
  return found(value, where)
}

async function findInFile(path: string): Promise<Found> {
  const where = `file ${path}`
  try {
    return found((await readFile(path, 'utf8')).trim(), where)
  } catch (error) {
    if (isAbsence(error)) return { missing: `${where}: no such file` }
    throw new OptionError(`${where} can't be read: ${describeError(error)}`, { cause: error })
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

function found(value: string, where: string): Found {
  return value.trim() === '' ? { missing: `${where}: empty` } : { value }
}

/**
 * The secret of an option.
 * @param owner who takes the option, and `option` its name: for the error.
 * @throws OptionError when it isn't found, saying where it was looked for.
 */
export async function readSecret(owner: string, option: string, secret: Secret): Promise<string> {
  const result = await findSecret(secret)
  if ('value' in result) return result.value
  throw notFound(`${owner}: option ${JSON.stringify(option)} was not found: ${result.missing}`, result.missing)
}

const reasons = new WeakMap<object, string>()

/** An error that lets a chain of places go on to the next. */
export function notFound(message: string, missing: string): OptionError {
  const error = new OptionError(message)
  reasons.set(error, missing)
  return error
}

/** Where nothing was found, if that is what an error of {@link notFound} says. */
export function missingOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null ? reasons.get(error) : undefined
}
