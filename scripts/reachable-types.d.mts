/** The paths of these declarations and of everything that they reach. */
export function reachableTypes(entries: readonly string[]): Set<string>
