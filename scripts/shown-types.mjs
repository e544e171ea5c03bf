// Which declarations an application can come to see: what the entry points export, and all that these need. The rest is half of what the compiler writes.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseSync } from 'rolldown/utils'

export function shownTypes(entries) {
  const files = new Map()
  const fileOf = (path) => {
    if (!files.has(path)) files.set(path, new Declarations(path))
    return files.get(path)
  }
  const open = entries.flatMap((path) =>
    [...fileOf(resolve(path)).exported.keys()].map((name) => [resolve(path), name]),
  )
  const seen = new Set()
  for (const [path, name] of open) {
    const key = `${path} ${name}`
    if (seen.has(key)) continue
    seen.add(key)
    open.push(...fileOf(path).keep(name))
  }
  return new Map([...files].map(([path, file]) => [path, file.text()]))
}

/** The statements of one file, with what of them is needed. */
class Declarations {
  /** By the name that other files import it by. @type {Map<string, { local: string } | { from: string, name: string }>} */
  exported = new Map()
  #path
  #source
  #statements
  /** By the name within the file. */
  #imported = new Map()
  #declared = new Map()
  #kept = new Set()

  constructor(path) {
    this.#path = path
    this.#source = readFileSync(path, 'utf8')
    const { program, errors } = parseSync(path, this.#source)
    if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`)
    this.#statements = program.body
    for (const statement of program.body) this.#read(statement)
  }

  #read(statement) {
    const { type, source, specifiers = [], declaration } = statement
    if (type === 'ImportDeclaration') {
      for (const specifier of specifiers)
        this.#imported.set(specifier.local.name, { specifier, from: source.value, name: specifier.imported?.name })
    } else if (type === 'ExportNamedDeclaration' && !declaration) {
      for (const specifier of specifiers) {
        const name = specifier.local.name
        this.exported.set(specifier.exported.name, {
          specifier,
          ...(source ? { from: source.value, name } : { local: name }),
        })
      }
    } else {
      if (type === 'ExportAllDeclaration' || type === 'ExportDefaultDeclaration')
        throw new Error(`${this.#path}: ${type} is not foreseen`)
      for (const name of namesOf(declaration ?? statement)) {
        this.#declared.set(name, [...(this.#declared.get(name) ?? []), statement])
        if (declaration) this.exported.set(name, { local: name })
      }
    }
  }

  /** Keeps what the name stands for. @returns what that needs of other files. */
  keep(name) {
    const found = this.exported.get(name)
    if (found === undefined) throw new Error(`${this.#path} exports no ${name}`)
    this.#kept.add(found.specifier)
    return found.local === undefined ? this.#elsewhere(found) : this.#keepLocal(found.local)
  }

  #keepLocal(name) {
    const imported = this.#imported.get(name)
    if (imported !== undefined) {
      this.#kept.add(imported.specifier)
      return this.#elsewhere(imported)
    }
    const needed = []
    for (const statement of this.#declared.get(name) ?? []) {
      if (this.#kept.has(statement)) continue
      this.#kept.add(statement)
      visit(statement, (node) => {
        if (node.type === 'Identifier') needed.push(...this.#keepLocal(node.name))
        if (node.type === 'TSImportType')
          needed.push(...this.#elsewhere({ from: node.source.value, name: leftmost(node.qualifier) }))
      })
    }
    return needed
  }

  #elsewhere({ from, name }) {
    if (!from.startsWith('.')) return []
    if (name === undefined) throw new Error(`${this.#path}: expected the names that it needs of ${from}`)
    return [[resolve(dirname(this.#path), from.replace(/\.[jt]s$/, '.d.ts')), name]]
  }

  text() {
    let end = 0
    const parts = this.#statements.map((statement) => {
      const comment = this.#source.slice(end, statement.start)
      end = statement.end
      const specifiers = statement.specifiers ?? []
      // `export {}` makes a file a module.
      if (specifiers.length === 0) {
        const stays =
          this.#kept.has(statement) || (statement.type === 'ExportNamedDeclaration' && !statement.declaration)
        return stays ? comment + this.#source.slice(statement.start, end) : ''
      }
      const stay = specifiers.filter((specifier) => this.#kept.has(specifier))
      if (stay.length === 0) return ''
      const [first, last] = [specifiers[0].start, specifiers.at(-1).end]
      const list = stay.map((specifier) => this.#source.slice(specifier.start, specifier.end)).join(', ')
      return comment + this.#source.slice(statement.start, first) + list + this.#source.slice(last, end)
    })
    return `${parts.join('').trim()}\n`
  }
}

function namesOf({ type, id, declarations }) {
  if (declarations !== undefined) return declarations.map((one) => one.id.name)
  // What a namespace adds to is not seen from its name.
  if (id?.type === 'Identifier' && type !== 'TSModuleDeclaration') return [id.name]
  throw new Error(`${type} is not foreseen`)
}

function leftmost(name) {
  return name?.type === 'TSQualifiedName' ? leftmost(name.left) : name?.name
}

function visit(node, look) {
  if (Array.isArray(node)) for (const one of node) visit(one, look)
  if (typeof node?.type !== 'string') return
  look(node)
  for (const value of Object.values(node)) if (typeof value === 'object' && value !== null) visit(value, look)
}
