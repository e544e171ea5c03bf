import type { StreamSource } from './data-source.ts'
import { OptionError } from './errors.ts'
import { type RowStream, readStream } from './stream.ts'

type AnySource = ((...options: never) => { readonly name: string; readonly streamReader: () => unknown }) & {
  readonly sourceName: string
}

type RowOfSource<Source> = Source extends (
  ...options: never
) => StreamSource<infer _Offset, infer _Partition, infer Row>
  ? Row
  : never

type Named<Sources extends readonly AnySource[], Name> = Extract<Sources[number], { readonly sourceName: Name }>

/** Sources by name. */
export interface SourceRegistry<Sources extends readonly AnySource[]> {
  readonly names: readonly Sources[number]['sourceName'][]
  /** @throws OptionError for a name that is not registered. */
  readonly readStream: <Name extends Sources[number]['sourceName']>(
    name: Name,
    ...options: Parameters<Named<Sources, Name>>
  ) => RowStream<RowOfSource<Named<Sources, Name>>>
}

/**
 * Sources by name, for configuration files: `sourceRegistry(comments, weather).readStream('comments_api', { url })`.
 * Names and options are typed. There is no global registry.
 * @throws OptionError when two sources have one name.
 */
export function sourceRegistry<const Sources extends readonly AnySource[]>(
  ...sources: Sources
): SourceRegistry<Sources> {
  const byName = new Map<string, AnySource>()
  for (const source of sources) {
    if (byName.has(source.sourceName))
      throw new OptionError(`sourceRegistry: two sources are named ${JSON.stringify(source.sourceName)}`)
    byName.set(source.sourceName, source)
  }
  const names = [...byName.keys()]
  return {
    names,
    readStream: (name, ...options) => {
      const source = byName.get(name)
      if (source === undefined)
        throw new OptionError(
          `sourceRegistry: no source is named ${JSON.stringify(name)}; there are ${names.join(', ')}`,
        )
      return readStream(source(...(options as never)) as StreamSource<object, unknown, never>)
    },
  }
}
