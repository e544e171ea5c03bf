import { OptionError } from '../../errors.ts'

/**
 * Loads a package that only some users need.
 * @throws OptionError that names it, where it isn't installed.
 */
export async function optionalPackage<T>(name: string, reader: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
    throw new OptionError(`${reader} needs the package ${name}, which isn’t installed: npm install ${name}`, {
      cause: error,
    })
  }
}
