import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Api, BadRequest, json, jsonError, type Question, type Reply } from './api.ts'

export interface LedgerOptions {
  /** A SQLite database, made with its folder if need be: what was received is there again after a kill. @default in memory */
  readonly file?: string
  /** Of so many requests one isn't answered, after it was carried out. @default all are answered */
  readonly cutEvery?: number
}

/** What a ledger received. */
export interface LedgerState {
  /** Requests that were carried out. */
  readonly requests: number
  /** Requests that were known already by their key, and not carried out again. */
  readonly repeated: number
  /** Requests that were never answered. */
  readonly cut: number
  readonly rows: number
  /** Rows whose id was there before. */
  readonly twice: number
}

export interface Ledger extends Api {
  readonly close: () => void
}

/**
 * `POST /ledger` takes a list of rows, each with an `id`, under a key in the header `Idempotency-Key`. A request with a key that is known is answered as it was
 * the first time, and nothing else; with other rows than then it is refused. `GET /ledger` tells {@link LedgerState}.
 *
 * Rows and key become durable in one transaction: without it a server that dies in between knows a request again that it didn't carry out, or the reverse.
 */
export function openLedger({ file = ':memory:', cutEvery = Infinity }: LedgerOptions = {}): Ledger {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const database = new DatabaseSync(file)
  // Without syncing: it outlives its process, and needn't outlive the machine.
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    CREATE TABLE IF NOT EXISTS requests (key TEXT PRIMARY KEY, hash TEXT NOT NULL, times INTEGER NOT NULL, cut INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS rows (id INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS rows_by_id ON rows (id)`)
  const find = database.prepare('SELECT hash FROM requests WHERE key = ?')
  const record = database.prepare(`INSERT INTO requests VALUES ($key, $hash, 1, $cut)
    ON CONFLICT DO UPDATE SET times = times + 1, cut = cut + $cut`)
  const insert = database.prepare('INSERT INTO rows VALUES (?)')
  const tell =
    database.prepare(`SELECT count(*) AS requests, coalesce(sum(times - 1), 0) AS repeated, coalesce(sum(cut), 0) AS cut,
    (SELECT count(*) FROM rows) AS rows, (SELECT count(*) - count(DISTINCT id) FROM rows) AS twice FROM requests`)
  let received = 0

  function receive({ headers, body }: Question): Reply {
    const key = headers['idempotency-key']
    if (key === undefined) throw new BadRequest('the header Idempotency-Key is missing')
    const ids = idsIn(body)
    const hash = createHash('sha256').update(body).digest('hex')
    const known = find.get(key)?.hash
    if (known !== undefined && known !== hash) return jsonError(422, 'this idempotency key came with other rows before')
    const cut = ++received % cutEvery === 0
    database.exec('BEGIN')
    record.run({ key, hash, cut: cut ? 1 : 0 })
    if (known === undefined) for (const id of ids) insert.run(id)
    database.exec('COMMIT')
    return { ...json(200, { taken: ids.length }), cut }
  }

  return {
    methods: ['GET', 'POST'],
    answer: (_query, _now, question) => (question.method === 'POST' ? receive(question) : json(200, tell.get())),
    refuse: jsonError,
    close: () => database.isOpen && database.close(),
  }
}

function idsIn(body: string): (string | number)[] {
  try {
    return (JSON.parse(body) as readonly { readonly id: string | number }[]).map(({ id }) => {
      if (!Number.isSafeInteger(Number(id))) throw new Error(`${id} is no id`)
      return id
    })
  } catch (error) {
    throw new BadRequest(`expected a list of rows, each with an id: ${String(error)}`)
  }
}
