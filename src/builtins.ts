// Modules of Node that the core needs now and then, each taken when it is. An `import` would have every start pay for them, 14 ms in all, whatever is used: it
// reads all exports, and so loads what Node itself puts off (`node:util` leads to streams and workers, `node:fs` to its promises).

export const nodeCrypto = () => process.getBuiltinModule('node:crypto')
export const nodeFs = () => process.getBuiltinModule('node:fs')
export const nodeFsPromises = () => process.getBuiltinModule('node:fs/promises')
export const nodeUtil = () => process.getBuiltinModule('node:util')
export const nodeV8 = () => process.getBuiltinModule('node:v8')
export const nodeZlib = () => process.getBuiltinModule('node:zlib')
