# SPDX-License-Identifier: BSD-2-Clause
"""lib/pq through its driver program (driver.c): the requests as Python calls."""

import subprocess

MISMATCH = -5


class Library:
    """One running driver. Calls return bytes, or a tuple of them, or a negative error number."""

    def __init__(self, program):
        command = [program] if isinstance(program, str) else program
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def close(self):
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            raise RuntimeError(f"the driver ended with {self.process.returncode}")

    def ask(self, *words):
        line = " ".join(word.hex() or "-" if isinstance(word, bytes) else str(word)
                        for word in words)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"the driver died on: {line[:200]}")
        if answer[0] == "error":
            return int(answer[1])
        values = tuple(bytes.fromhex(word) for word in answer[1:])
        return values[0] if len(values) == 1 else values

    def hash(self, algorithm, data, size):
        return self.ask("hash", algorithm, data, size)

    def hmac(self, algorithm, key, data, size):
        return self.ask("hmac", algorithm, key, data, size)

    def hkdf(self, algorithm, salt, ikm, info, size):
        return self.ask("hkdf", algorithm, salt, ikm, info, size)

    def sign_keygen(self, algorithm, seed):
        """(public key, secret key)"""
        return self.ask("sign-keygen", algorithm, seed)

    def sign(self, algorithm, secret_key, message, random=b"", context=b"", mode="pure", hash="-"):
        return self.ask("sign", algorithm, mode, hash, context, message, secret_key, random)

    def verify(self, algorithm, public_key, message, signature, context=b"", mode="pure",
               hash="-"):
        """() when valid"""
        return self.ask("verify", algorithm, mode, hash, context, message, public_key, signature)

    def kem_keygen(self, algorithm, seed):
        """(encapsulation key, decapsulation key)"""
        return self.ask("kem-keygen", algorithm, seed)

    def kem_encapsulate(self, algorithm, public_key, random):
        """(ciphertext, shared secret)"""
        return self.ask("kem-encapsulate", algorithm, public_key, random)

    def kem_decapsulate(self, algorithm, secret_key, ciphertext):
        return self.ask("kem-decapsulate", algorithm, secret_key, ciphertext)

    def aead_seal(self, algorithm, key, nonce, aad, plain):
        """(ciphertext, tag), or the tag alone when there is nothing to encrypt"""
        return self.ask("aead-seal", algorithm, key, nonce, aad, plain)

    def aead_open(self, algorithm, key, nonce, aad, sealed, tag):
        return self.ask("aead-open", algorithm, key, nonce, aad, sealed, tag)

    def drbg(self, entropy, personalization, fresh, size):
        """Two outputs, the reseed with fresh (unless it is empty) between them."""
        return self.ask("drbg", "SHA2-512", entropy, personalization, fresh, size)
