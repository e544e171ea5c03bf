import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

export interface BundleSize {
  /** Bytes, minified. */
  readonly minified: number
  /** Bytes of that, compressed. */
  readonly gzip: number
}

/** What a program adds to an application that has RxJS anyway. Rolldown is what Vite, and so vitest, bundles with. */
export async function bundleSize(project: string, program: string): Promise<BundleSize> {
  const entry = join(project, 'virtual:application')
  const build = await rolldown({
    input: entry,
    platform: 'node',
    external: [/^node:/, /^rxjs/],
    plugins: [
      {
        name: 'application',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
  })
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
  await build.close()
  const [{ code }] = output
  return { minified: Buffer.byteLength(code), gzip: gzipSync(code).length }
}
