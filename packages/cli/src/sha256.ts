/** SHA-256 of certificates and files. */

/** Not by `import`: that reads every export of node:crypto, and the one named webcrypto takes 7 ms of every command. */
export const sha256 = (data: string | Uint8Array): Buffer =>
  process.getBuiltinModule('node:crypto').createHash('sha256').update(data).digest();
