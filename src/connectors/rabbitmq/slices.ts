/** The slice of a key: the same for the same key, in every process (FNV-1a over UTF-16 units). */
export function sliceOf(key: string, slices: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % slices
}
