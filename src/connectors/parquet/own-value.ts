type Row = Readonly<Record<string, unknown>>

/** Whether a missing column of this name would be found nevertheless, in every object's prototype. */
export function isInherited(name: string): boolean {
  return name in Object.prototype
}

/** Reads a column that may be called `constructor`. */
export function ownValue(row: Row, name: string): unknown {
  return Object.hasOwn(row, name) ? row[name] : undefined
}
