import type { DataType, Field } from './data-type.ts'

/** The DDL of columns in its normal form: canonical type names in lower case, backquotes and parameters only where they are needed. */
export function ddlText(fields: readonly Field[]): string {
  return fields.map((field) => `${quoteName(field.name)} ${fieldText(field)}`).join(', ')
}

/** The DDL of one type. */
export function typeText(type: DataType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'varchar':
    case 'char':
      return `${type.kind}(${type.length})`
    case 'array':
      return `array<${typeText(type.element)}>`
    case 'map':
      return `map<string, ${typeText(type.value)}>`
    case 'struct':
      return `struct<${type.fields.map((field) => `${quoteName(field.name)}: ${fieldText(field)}`).join(', ')}>`
    default:
      return type.kind
  }
}

/** A name as the DDL needs it: in backquotes unless it is a plain word. */
export function quoteName(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

function fieldText({ type, nullable, comment }: Field): string {
  const text = `${typeText(type)}${nullable ? '' : ' not null'}`
  return comment === undefined ? text : `${text} comment '${comment.replace(/[\\']/g, '\\$&')}'`
}
