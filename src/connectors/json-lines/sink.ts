import type { StreamWriter } from '../../sink.ts'
import type { PartFile } from '../manifest/entry.ts'
import { type Files, nodeFiles } from '../manifest/files.ts'
import { folderWriter } from '../manifest/folder-writer.ts'
import { jsonLinesPart } from '../manifest/json-lines-part.ts'
import { type JsonLinesOptions, jsonLinesSettings } from './options.ts'

/**
 * A folder of files with one JSON object a line, to which each batch is added whole and once: **transactional**.
 *
 *     part-0000000007-00000-<uuid>.jsonl         rows of batch 7, partition 0: whole files of committed batches, nothing else
 *     _manifest/<query>/<sink>/7.json            the batch's entry: its files with their rows and bytes. Its existence is the commit
 *     _staging/<query>/<sink>/…                  files on their way
 *
 * A partition is written and synced under `_staging`; the commit puts the entry there (synced, put-if-absent, one a batch also where
 * it has no rows); then the files get their names in the folder. So `cat data/*.jsonl` and DuckDB's `read_json('data/*.jsonl')`
 * see only whole, committed files, each once, without knowing of the manifest. What they may see is a part of the *last* batch:
 * while its files are being named, and after a crash just there until the query starts again. {@link readJsonLines} goes by the
 * manifest and sees all of a batch or nothing.
 *
 * Several queries, and several sinks of a query, can share a folder. When a query is taken over, the writer of the earlier epoch commits nothing
 * once the later one has started, but for one commit that was already past that check: the batch is then the earlier one's, whole, and
 * the later writer leaves its own out. What crashes leave behind is removed as soon as no writer can commit it.
 *
 * Types: dates become ISO 8601 strings, bigints strings of digits, bytes base64; NaN and infinities are a `RowError`.
 * Each partition of each batch with rows is a file: many small batches make many small files, and nothing here merges them.
 * @throws OptionError
 */
export function jsonLines(options: JsonLinesOptions): {
  readonly name: 'json_lines'
  readonly streamWriter: () => StreamWriter<object, readonly PartFile[]>
} {
  const { path } = jsonLinesSettings(options)
  return { name: 'json_lines', streamWriter: () => jsonLinesWriter(path, nodeFiles) }
}

export function jsonLinesWriter(path: string, files: Files): StreamWriter<object, readonly PartFile[]> {
  return folderWriter({ path, format: () => jsonLinesPart }, files)
}
