// Every script starts here: the project runs on Node 24, which comes as a development dependency, and
// never on whatever Node the machine happens to have.
const wanted = [22, 19]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(
    `sluice needs Node ${wanted.join('.')} or newer, and this is ${process.version} (${process.execPath}).\n` +
      'Run it through npm ("npm test", "npm start"), which puts the Node 24 of the development dependencies first;\n' +
      'if it did not, run "npm run setup". Where no such package exists for your platform, install Node 24 yourself.',
  )
  process.exit(1)
}
