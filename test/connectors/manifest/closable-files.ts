import { type Files, nodeFiles } from '../../../src/connectors/manifest/files.ts'

/** The real files. Those that are open are known: the operating system would close what a dead process leaves open. */
export function closableFiles(opened: Set<() => Promise<void>>): Files {
  const create: Files['create'] = async (path) => {
    const file = await nodeFiles.create(path)
    const close = async () => {
      opened.delete(close)
      await file.close()
    }
    opened.add(close)
    return { ...file, close }
  }
  return { ...nodeFiles, create }
}
