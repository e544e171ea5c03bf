type Make<Made> = (...parameters: readonly unknown[]) => Made

const kept = new Map<string, Make<unknown>>()
const mostKept = 256

/**
 * Makes a function of a text with parameters; of one text only once, so that what the runtime has learned of it (which takes some ten thousand calls) serves the next query,
 * partition and schema like it, too.
 * @returns `undefined` where the process may not make code from texts (`--disallow-code-generation-from-strings`).
 */
export function madeOfText<Made>(code: string, parameters: ReadonlyMap<string, unknown>): Made | undefined {
  const names = [...parameters.keys()]
  const key = `${names.length} ${code}`
  const make = kept.get(key) ?? compiled(names, code)
  if (make === undefined) return undefined
  kept.delete(key)
  kept.set(key, make)
  for (const oldest of kept.keys()) {
    if (kept.size <= mostKept) break
    kept.delete(oldest)
  }
  return make(...parameters.values()) as Made
}

function compiled(names: readonly string[], code: string): Make<unknown> | undefined {
  try {
    return new Function(...names, code) as Make<unknown>
  } catch (error) {
    if (error instanceof EvalError) return undefined
    throw error
  }
}
