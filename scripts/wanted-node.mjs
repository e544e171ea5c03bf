// The oldest Node that the package and its scripts run on, and what to say where another one is found. Runs on any Node from 18.
const wanted = [22, 19]

/** @param {string} version such as `process.versions.node` */
export function isTooOld(version) {
  const [major, minor] = version.split('.').map(Number)
  return major < wanted[0] || (major === wanted[0] && minor < wanted[1])
}

/** @param {string} found the version, and where it was found */
export function tooOldMessage(found) {
  return (
    `sluice needs Node ${wanted.join('.')} or newer, and this is ${found}.\n` +
    'npm puts the Node 24 of the development dependencies first, so run this as an npm script ("npm test", "npm start").\n' +
    'If you did, that Node is missing: run "npm run setup". Where it stays missing (an install without optional\n' +
    'dependencies, a platform that has no such package), install Node 24 yourself and put it first in PATH.'
  )
}
