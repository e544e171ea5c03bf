import { isTooOld, tooOldMessage } from '../scripts/wanted-node.mjs'

/** Fails the whole run on the wrong Node instead of testing something else than what is shipped. */
export default function assertRuntime(): void {
  assertNodeVersion(process.versions.node, process.execPath)
}

/** @throws Error that says what was found and what to do, for a version that the package doesn't support. */
export function assertNodeVersion(version: string, path: string): void {
  if (isTooOld(version)) throw new Error(tooOldMessage(`v${version} (${path})`))
}
