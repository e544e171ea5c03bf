import { resolve } from 'node:path'
import { type OptionRule, required, rules, validateOptions } from '../../options.ts'

/** Options of `jsonLines`. */
export interface JsonLinesOptions {
  /** The folder, made when it isn't there. Its file system must have hard links. */
  readonly path: string
}

const jsonLinesRules = { path: required(rules.string) } as const satisfies Record<keyof JsonLinesOptions, OptionRule>

/** @throws OptionError */
export function jsonLinesSettings(options: JsonLinesOptions): JsonLinesOptions {
  validateOptions('jsonLines', options, jsonLinesRules)
  return { path: resolve(options.path) }
}
