// SPDX-License-Identifier: BSD-2-Clause
// Repeats one operation of @noble/post-quantum (with @noble/hashes, which it brings) and prints
// nanoseconds of processor time per call:
//
//   bench.mjs FOLDER OPERATION COUNT
//
// FOLDER is the one whose node_modules has the packages, the operations are those of bench.c. Half
// a second of calls goes before, so that the compiler of node has done its work.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, operation, count] = process.argv.slice(2);
const require = createRequire(folder + '/');
async function load(name) {
  return import(pathToFileURL(require.resolve('@noble/' + name)).href);
}

const { ml_dsa87 } = await load('post-quantum/ml-dsa.js');
const { slh_dsa_sha2_256s } = await load('post-quantum/slh-dsa.js');
const { ml_kem1024 } = await load('post-quantum/ml-kem.js');
const { sha256, sha512 } = await load('hashes/sha2.js');
const { sha3_256 } = await load('hashes/sha3.js');

const bulk = new Uint8Array(1024 * 1024);
const message = bulk.subarray(0, 64);

function hash(algorithm) {
  return () => algorithm(bulk);
}

function verify(algorithm) {
  const { publicKey, secretKey } = algorithm.keygen();
  const signature = algorithm.sign(message, secretKey);
  return () => {
    if (!algorithm.verify(signature, message, publicKey)) throw new Error('mismatch');
  };
}

function sign(algorithm) {
  const { secretKey } = algorithm.keygen();
  return () => algorithm.sign(message, secretKey);
}

function decapsulate(algorithm) {
  const { publicKey, secretKey } = algorithm.keygen();
  const { cipherText } = algorithm.encapsulate(publicKey);
  return () => algorithm.decapsulate(cipherText, secretKey);
}

const operations = {
  'sha256-1m': () => hash(sha256),
  'sha512-1m': () => hash(sha512),
  'sha3-256-1m': () => hash(sha3_256),
  'mldsa87-verify': () => verify(ml_dsa87),
  'mldsa87-sign': () => sign(ml_dsa87),
  'mldsa87-keygen': () => () => ml_dsa87.keygen(),
  'slhdsa-sha2-256s-verify': () => verify(slh_dsa_sha2_256s),
  'mlkem1024-decapsulate': () => decapsulate(ml_kem1024),
};

const run = operations[operation]();
const warm = process.hrtime.bigint() + 500000000n;
do run();
while (process.hrtime.bigint() < warm);

const from = process.cpuUsage();
for (let i = 0; i < count; i++) run();
const spent = process.cpuUsage(from);
console.log(Math.round((spent.user + spent.system) * 1000 / count));
