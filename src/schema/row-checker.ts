import { compiledCheck } from './compiled-check.ts'
import type { DataType, Field } from './data-type.ts'
import { quoteName, typeText } from './ddl-text.ts'
import { isLeaf, kindOf, type LeafType, leafCheck, leafTests, whyUnfit } from './leaf-check.ts'

const isEnumerable = Object.prototype.propertyIsEnumerable

/** Where in a row something doesn't fit (from the outside in; `''` for the value itself), and why. */
interface Misfit {
  readonly path: string
  readonly reason: string
}

/** Looks at a value that isn't null. */
type Check = (value: unknown) => Misfit | undefined

interface Column {
  readonly name: string
  readonly nullable: boolean
  readonly expected: string
  readonly check: Check
}

/**
 * Compiles a schema to a function that says why a row doesn't fit, or `undefined` when it does. Compile once, check many rows.
 *
 * A row is a plain object (no array, no instance of a class), and so is a struct. A column that is missing or `undefined` counts as null,
 * in arrays and maps `undefined` does, too; a column that the schema doesn't know is a misfit. Reasons name the place (`column "address.zip"`, `column "tags[3]"`,
 * `column "labels.value"` for any value of a map) and the kind of what was found, never a value.
 */
export function rowChecker(schema: { readonly fields: readonly Field[] }): (row: unknown) => string | undefined {
  return structCheck(schema.fields, 'a row', ({ path, reason }) =>
    path === '' ? reason : `column ${JSON.stringify(path)}: ${reason}`,
  )
}

function checkOf(type: DataType): Check {
  switch (type.kind) {
    case 'array':
      return arrayCheck(checkOf(type.element))
    case 'map':
      return mapCheck(checkOf(type.value))
    case 'struct':
      return structCheck(type.fields, 'a struct', (misfit) => misfit)
  }
  const fits = leafCheck(type)
  const expected = typeText(type)
  return (value) =>
    fits(value) ? undefined : { path: '', reason: `expected ${expected}, found ${whyUnfit(type, value)}` }
}

function arrayCheck(element: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return { path: '', reason: `expected an array, found ${kindOf(value)}` }
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index]
      const misfit = item === null || item === undefined ? undefined : element(item)
      if (misfit !== undefined) return inside(`[${index}]`, misfit)
    }
    return undefined
  }
}

function mapCheck(check: Check): Check {
  return (value) => {
    if (!isPlainObject(value)) return { path: '', reason: `expected a map (a plain object), found ${kindOf(value)}` }
    for (const key in value) {
      const item = value[key]
      const misfit = item === null || item === undefined ? undefined : check(item)
      // Keys of a map are data, too, so the path doesn't show them.
      if (misfit !== undefined) return inside('value', misfit)
    }
    return undefined
  }
}

/** @param told what becomes of a misfit. */
function structCheck<Told>(
  fields: readonly Field[],
  what: string,
  told: (misfit: Misfit) => Told,
): (value: unknown) => Told | undefined {
  const columns = fields.map(
    ({ name, type, nullable }): Column => ({ name, nullable, expected: typeText(type), check: checkOf(type) }),
  )
  const byName = new Map(columns.map((column) => [column.name, column]))
  const required = columns.filter((column) => !column.nullable)
  const nested = columns.filter((_, index) => !isLeaf((fields[index] as Field).type))

  const lookInside = (row: Readonly<Record<string, unknown>>): Misfit | undefined => {
    for (const { name, check } of nested) {
      const value = row[name]
      const misfit = value === null || value === undefined ? undefined : check(value)
      if (misfit !== undefined) return inside(pathOf(name), misfit)
    }
    return undefined
  }
  const lookCloser = (row: Readonly<Record<string, unknown>>): Misfit | undefined => {
    let index = 0
    let present = 0
    for (const name in row) {
      const value = row[name]
      // Rows mostly have the schema's order; the map is for those that don't.
      const next = columns[index++]
      const column = next !== undefined && next.name === name ? next : byName.get(name)
      if (column === undefined) {
        if (value === undefined) continue
        return { path: pathOf(name), reason: 'not in the schema' }
      }
      if (value === null || value === undefined) {
        if (!column.nullable) return missing(column, value)
        continue
      }
      const misfit = column.check(value)
      if (misfit !== undefined) return inside(pathOf(name), misfit)
      if (!column.nullable) present++
    }
    if (present === required.length) return undefined
    const absent = required.find((column) => !isEnumerable.call(row, column.name))
    return absent && missing(absent, undefined)
  }
  const closer = (row: unknown): Told | undefined => {
    if (!isPlainObject(row))
      return told({ path: '', reason: `expected ${what} (a plain object), found ${kindOf(row)}` })
    const misfit = lookCloser(row)
    return misfit && told(misfit)
  }
  const within = (row: Readonly<Record<string, unknown>>): Told | undefined => {
    const misfit = lookInside(row)
    return misfit && told(misfit)
  }
  const tested = fields.map(({ name, nullable, type }) => {
    const test = leafTests[type.kind as LeafType['kind']]
    return { name, nullable, fits: isLeaf(type) ? leafCheck(type) : undefined, ...(test !== undefined && { test }) }
  })
  return compiledCheck(tested, closer, nested.length === 0 ? undefined : within) ?? closer
}

function missing({ name, expected }: Column, value: null | undefined): Misfit {
  return { path: pathOf(name), reason: `expected ${expected}, not null, found ${kindOf(value)}` }
}

function inside(step: string, { path, reason }: Misfit): Misfit {
  return { path: path === '' || path.startsWith('[') ? `${step}${path}` : `${step}.${path}`, reason }
}

/** A name as a step of a path, cut where it is very long: the name of an unknown column may be anything. */
function pathOf(name: string): string {
  return quoteName(name.length > 100 ? `${name.slice(0, 100)}…` : name)
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
