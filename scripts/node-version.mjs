// Every script starts here: the project runs on the Node 24 of its development dependencies, or on another one that is new enough,
// and never silently on whatever the machine happens to have.
import { isTooOld, tooOldMessage } from './wanted-node.mjs'

if (isTooOld(process.versions.node)) {
  console.error(tooOldMessage(`${process.version} (${process.execPath})`))
  process.exit(1)
}
