import { describeError, isSluiceError, PostgresError, PostgresRefusedError, type SluiceError } from '../../errors.ts'
import { redact, redactError } from '../../redact.ts'

/**
 * Classes and codes of which trying again can help: connections (08), rolled-back transactions (40: serialization, deadlock), resources (53),
 * a server that stops or starts (57P), a statement that took too long or was cancelled (57014), locks (55P03), the server's own disk and memory (58).
 */
const transient = /^(?:08|40|53|57|58|55P03)/

/** The server may have done what it was asked to: a connection that broke, a server that went away in the middle. */
const inDoubt = /^(?:08|57|58|XX)/

/** What the server says of an error. */
interface ServerError {
  readonly code: string
  readonly constraint?: string
  readonly column?: string
}

/**
 * Whatever the client threw, as one of our errors: {@link PostgresRefusedError} for a server that would say no again, else {@link PostgresError}.
 * The details that PostgreSQL adds hold the values of rows, and are left out.
 * @param what was tried: the message begins with it.
 */
export function postgresError(what: string, error: unknown): SluiceError {
  if (isSluiceError(error)) return error
  if (!isServerError(error)) {
    return new PostgresError(redact(`${what}: ${describeError(error)}`), { cause: redactError(error) })
  }
  const { code, constraint } = error
  const where = constraint === undefined ? '' : `, constraint ${JSON.stringify(constraint)}`
  const text = redact(`${what}: ${withoutValue(describeError(error), code)} (SQLSTATE ${code}${where})`)
  return transient.test(code)
    ? new PostgresError(text, { sqlState: code })
    : new PostgresRefusedError(text, { sqlState: code })
}

/** Whether what was asked for may have taken effect all the same. */
export function isInDoubt(error: unknown): boolean {
  return !isServerError(error) || inDoubt.test(error.code)
}

/** The SQLSTATE of what the client threw, or of what became of it. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof PostgresError || error instanceof PostgresRefusedError) return error.sqlState
  return isServerError(error) ? error.code : undefined
}

function isServerError(error: unknown): error is Error & ServerError {
  return (
    error instanceof Error &&
    'severity' in error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^[0-9A-Z]{5}$/.test(error.code)
  )
}

/** `invalid input syntax for type integer: "secret"` without the value. What is wrong with data (class 22) quotes it anywhere: `value "secret" is out of range`. */
function withoutValue(message: string, code: string): string {
  const text = code.startsWith('22') ? message.replace(/".*"/s, '"…"') : message
  return text.replace(/: ".*"$/s, '').replace(/"[^"]{64,}"/gs, '"…"')
}
