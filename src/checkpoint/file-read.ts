import { join } from 'node:path'
import type { BatchOutcome } from '../batch.ts'
import { CheckpointCorruptError } from '../errors.ts'
import { batchIdsIn, textIn, textsIn } from './file-entries.ts'
import { journalsIn, readJournal } from './file-journals.ts'
import { type FileLayout, initialName, metadataName, ownName, sourcesName } from './file-layout.ts'
import type { FileSystem } from './file-system.ts'
import type { LoggedBatch } from './log.ts'
import { parseOffset } from './offset-text.ts'
import { decodePlan, type LoggedPlan } from './plan-text.ts'
import { assertSources, parseSources, type Recovery, recover } from './recovery.ts'
import { assertVersion, checkCommit, metadataLine, parseMetadata, parseOffsets } from './spark-files.ts'

/** What a checkpoint's folder holds, checked through. */
export interface FolderState extends Recovery {
  /** `undefined`: there is no checkpoint yet. */
  readonly queryId: string | undefined
  /** `undefined`: Spark made it, or nobody yet. */
  readonly sources: readonly string[] | undefined
  /** Files without effect, left by a crash: of a batch that never reached `offsets`, or an outcome that never reached `commits`. */
  readonly leftovers: readonly string[]
  /** The least batch id of any file. */
  readonly oldest: number
  /** How many records the journal of each batch has. */
  readonly journals: ReadonlyMap<number, number>
  /** The text of the last `offsets` entry. */
  readonly lastOffsets: string | undefined
}

/** Reads and checks every entry that is kept; changes nothing. @throws CheckpointCorruptError */
export async function readFolder(
  files: FileSystem,
  layout: FileLayout,
  sources: readonly string[],
): Promise<FolderState> {
  await refuseForeign(files, layout)
  // A batch is in `offsets` before it is in `commits`: read the other way round, a folder that is being written is never ahead of itself.
  const finished = await batchIdsIn(files, layout.commits)
  const planned = await batchIdsIn(files, layout.offsets)
  const queryId = await readMetadata(files, layout, finished.length + planned.length > 0)
  const known = await readSources(files, layout)
  if (known !== undefined) assertSources(join(layout.own, sourcesName), known, sources)

  const offsets = await textsIn(files, layout.offsets, planned)
  for (const [id, text] of await textsIn(files, layout.commits, finished))
    checkCommit(text, join(layout.commits, String(id)))
  const planIds = await batchIdsIn(files, layout.plans)
  const plans = await readPlans(files, layout, planIds, offsets)
  const batches = planned.map((batchId): LoggedBatch => {
    const end = parseOffsets(offsets.get(batchId) as string, join(layout.offsets, String(batchId)), sources)
    const plan = plans.get(batchId)
    return plan === undefined ? { batchId, end } : { batchId, end, plan }
  })
  const abandoned = await batchIdsIn(files, layout.abandoned)
  const recovery = recover({
    queryId: queryId ?? '',
    sources: [...sources],
    initial: await readInitial(files, layout),
    batches,
    outcomes: new Map(
      finished.map((id): [number, BatchOutcome] => [id, abandoned.includes(id) ? 'abandoned' : 'committed']),
    ),
    name: {
      initial: join(layout.own, initialName),
      plan: (id) => join(layout.offsets, String(id)),
      done: (id) => join(layout.commits, String(id)),
    },
  })

  const journals = await journalsIn(files, layout)
  const pending = recovery.recovered.pending?.batchId
  if (pending !== undefined) {
    for await (const _ of readJournal(files, layout, pending, plans.get(pending)?.journal ?? 0)); // reading checks
  }
  const first = planned[0] ?? 0
  const unused = (id: number) => id >= first && !plans.has(id)
  return {
    ...recovery,
    queryId,
    sources: known,
    leftovers: [
      ...planIds.filter(unused).map((id) => join(layout.plans, String(id))),
      ...[...journals].filter(([id]) => unused(id)).flatMap(([, paths]) => paths),
      ...abandoned.filter((id) => id > recovery.position.done).map((id) => join(layout.abandoned, String(id))),
    ],
    oldest: Math.min((planned.at(-1) ?? -1) + 1, ...planned, ...finished, ...planIds, ...abandoned, ...journals.keys()),
    journals: new Map([...journals].filter(([id]) => !unused(id)).map(([id, paths]) => [id, paths.length])),
    lastOffsets: offsets.get(planned.at(-1) ?? -1),
  }
}

const expectedNames = new Set([metadataName, 'offsets', 'commits', 'sources', ownName, 'lost+found'])

async function refuseForeign(files: FileSystem, { root }: FileLayout): Promise<void> {
  const names = ((await files.list(root)) ?? []).map(({ name }) => name)
  if (names.includes('state')) {
    throw new CheckpointCorruptError(
      `${join(root, 'state')}: expected a query without state, found the state of a Spark query, with which only Spark can go on`,
    )
  }
  const other = names.find((name) => !name.startsWith('.') && !expectedNames.has(name))
  if (other !== undefined && !names.includes(metadataName)) {
    throw new CheckpointCorruptError(
      `${join(root, other)}: expected an empty folder or a checkpoint, found other files`,
    )
  }
}

async function readMetadata(
  files: FileSystem,
  { root, own }: FileLayout,
  hasBatches: boolean,
): Promise<string | undefined> {
  const path = join(root, metadataName)
  const text = await textIn(files, path)
  if (text !== undefined) return parseMetadata(text, path)
  const begun =
    hasBatches || ((await files.list(own)) ?? []).some(({ name }) => name === initialName || name === sourcesName)
  // A new id would make every sink take the next batches for those of another query.
  if (begun)
    throw new CheckpointCorruptError(
      `${path}: expected the query's id, because there are entries already, found no such file`,
    )
  return undefined
}

async function readSources(files: FileSystem, { own }: FileLayout): Promise<readonly string[] | undefined> {
  const path = join(own, sourcesName)
  const body = await versionedBody(files, path)
  return body === undefined ? undefined : parseSources(body, path)
}

async function readInitial(files: FileSystem, { own }: FileLayout): Promise<object | undefined> {
  const path = join(own, initialName)
  const body = await versionedBody(files, path)
  return body === undefined ? undefined : parseOffset(body, path)
}

async function versionedBody(files: FileSystem, path: string): Promise<string | undefined> {
  const text = await textIn(files, path)
  if (text === undefined) return undefined
  const [version, body, ...rest] = text.split('\n')
  assertVersion(version, path)
  if (body === undefined || rest.length > 0)
    throw new CheckpointCorruptError(`${path}: expected two lines, found ${rest.length + (body === undefined ? 1 : 2)}`)
  return body
}

/** The plans that belong to an `offsets` entry: those that quote it. Another one is the plan of a batch that Spark then planned itself. */
async function readPlans(
  files: FileSystem,
  layout: FileLayout,
  ids: readonly number[],
  offsets: ReadonlyMap<number, string>,
): Promise<ReadonlyMap<number, LoggedPlan>> {
  const plans = new Map<number, LoggedPlan>()
  const texts = await textsIn(
    files,
    layout.plans,
    ids.filter((id) => offsets.has(id)),
  )
  for (const [id, text] of texts) {
    const { offsets: quoted, ...plan } = decodePlan(text, join(layout.plans, String(id)), id)
    const found = offsets.get(id) as string
    if (quoted === found) plans.set(id, plan)
    else if (quoted !== undefined && metadataLine(quoted) === metadataLine(found)) {
      throw new CheckpointCorruptError(
        `${join(layout.offsets, String(id))}: expected ${JSON.stringify(quoted)}, as its plan quotes it, found ${JSON.stringify(found)}`,
      )
    }
  }
  return plans
}
