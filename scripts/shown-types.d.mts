/** What is to stay of the `.d.ts` files at these paths, and of those that they need; by path. */
export function shownTypes(entries: readonly string[]): Map<string, string>
