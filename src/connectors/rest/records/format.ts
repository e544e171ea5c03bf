import { MIMEType } from 'node:util'

/** What a body may be written in. */
export type Format = 'json' | 'ndjson' | 'csv' | 'xml'

/** The formats, for options. */
export const formats = ['json', 'ndjson', 'csv', 'xml'] as const satisfies readonly Format[]

/** What a response says of its body. */
export interface ContentType {
  /** `undefined` where that isn't one of ours. */
  readonly format: Format | undefined
  /** The label of the charset; `undefined` where it isn't stated. */
  readonly charset: string | undefined
  readonly tabs: boolean
}

const byType: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'text/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/x-jsonl': 'ndjson',
  'application/jsonlines': 'ndjson',
  'application/x-jsonlines': 'ndjson',
  'application/stream+json': 'ndjson',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/tab-separated-values': 'csv',
  'application/xml': 'xml',
  'text/xml': 'xml',
  // Says nothing: what most servers send as that is JSON, and if it isn't, it doesn't parse.
  'text/plain': 'json',
  'application/octet-stream': 'json',
}

/**
 * Reads a `content-type`. Without one, or with `text/plain` or `application/octet-stream`, a body is taken for JSON.
 * @param asked what the user says the format is; it wins. Only HTML is never taken for CSV, which every text would pass for.
 */
export function contentTypeOf(header: string | undefined, asked: Format | undefined): ContentType {
  const mime = parseMime(header ?? 'application/octet-stream')
  const type = mime?.essence ?? ''
  const stated = byType[type] ?? (type.endsWith('+json') ? 'json' : type.endsWith('+xml') ? 'xml' : undefined)
  const format = asked === 'csv' && isHtml(type) ? undefined : (asked ?? (isHtml(type) ? undefined : stated))
  return {
    format,
    charset: mime?.params.get('charset') ?? undefined,
    tabs: type === 'text/tab-separated-values',
  }
}

function isHtml(type: string): boolean {
  return type === 'text/html' || type === 'application/xhtml+xml'
}

function parseMime(header: string): MIMEType | undefined {
  try {
    return new MIMEType(header)
  } catch {
    return undefined
  }
}
