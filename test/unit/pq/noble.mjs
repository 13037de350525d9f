// SPDX-License-Identifier: BSD-2-Clause
// Answers the requests of crosscheck.py with @noble/post-quantum: the first argument is the folder
// whose node_modules has it. Requests and answers are lines, bytes in hex, "-" for none.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.argv[2] + '/');
async function load(name) {
  return import(pathToFileURL(require.resolve('@noble/post-quantum/' + name)).href);
}

const dsa = await load('ml-dsa.js');
const slh = await load('slh-dsa.js');
const kem = await load('ml-kem.js');

function algorithm(name) {
  const [, family, rest] = /^(ML-DSA|SLH-DSA|ML-KEM)-(.*)$/.exec(name);
  const key = rest.toLowerCase().replace('-', '_');
  return { 'ML-DSA': dsa['ml_dsa' + key], 'ML-KEM': kem['ml_kem' + key],
           'SLH-DSA': slh['slh_dsa_' + key] }[family];
}

const unhex = (text) => text === '-' ? new Uint8Array() : Uint8Array.from(Buffer.from(text, 'hex'));
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const operations = {
  keygen(a, seed) {
    const keys = a.keygen(seed);
    return [keys.publicKey, keys.secretKey];
  },
  sign(a, context, message, secretKey, extraEntropy) {
    return [a.sign(message, secretKey, { context, extraEntropy })];
  },
  verify(a, context, message, publicKey, signature) {
    if (!a.verify(signature, message, publicKey, { context })) throw new Error('mismatch');
    return [];
  },
  encapsulate(a, publicKey, random) {
    const { cipherText, sharedSecret } = a.encapsulate(publicKey, random);
    return [cipherText, sharedSecret];
  },
  decapsulate(a, secretKey, ciphertext) {
    return [a.decapsulate(ciphertext, secretKey)];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [operation, name, ...words] = line.trim().split(/\s+/);
  let answer;
  try {
    answer = ['ok', ...operations[operation](algorithm(name), ...words.map(unhex)).map(hex)];
  } catch (error) {
    answer = error.message === 'mismatch' ? ['error', '-5'] : ['error', '-1', error.message];
  }
  console.log(answer.join(' '));
}
