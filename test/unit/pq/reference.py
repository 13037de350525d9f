#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares lib/pq's hashes, HMAC, HKDF and generator with Python's own on inputs of every length.

    reference.py DRIVER
"""

import hashlib
import hmac
import random
import sys

from library import Library

HASHES = {
    "SHA2-224": "sha224", "SHA2-256": "sha256", "SHA2-384": "sha384", "SHA2-512": "sha512",
    "SHA3-224": "sha3_224", "SHA3-256": "sha3_256", "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
}


def check_hashes(library, source):
    for size in [*range(300), 1000, 4097, 65537]:
        data = source.randbytes(size)
        for name, python_name in HASHES.items():
            expected = hashlib.new(python_name, data).digest()
            assert library.hash(name, data, len(expected)) == expected, (name, size)
        # Outputs of several blocks, and ends inside of one.
        for name, shake in (("SHAKE-128", hashlib.shake_128), ("SHAKE-256", hashlib.shake_256)):
            assert library.hash(name, data, 500) == shake(data).digest(500), (name, size)


def check_hmac(library, source):
    for size in range(0, 300, 7):
        key, data = source.randbytes(size), source.randbytes(300 - size)
        for name, python_name in HASHES.items():
            expected = hmac.digest(key, data, python_name)
            assert library.hmac(name, key, data, len(expected)) == expected, (name, size)


def hkdf(salt, ikm, info, size):
    prk = hmac.digest(salt or bytes(64), ikm, "sha512")
    out = block = b""
    while len(out) < size:
        block = hmac.digest(prk, block + info + bytes([len(out) // 64 + 1]), "sha512")
        out += block
    return out[:size]


def check_hkdf(library, source):
    for size in (1, 63, 64, 65, 200, 255 * 64):
        salt, ikm, info = (source.randbytes(source.randrange(100)) for _ in range(3))
        assert library.hkdf("SHA2-512", salt, ikm, info, size) == hkdf(salt, ikm, info, size), size


class Drbg:
    """SP 800-90A section 10.1.2, HMAC_DRBG with SHA-512."""

    def __init__(self, seed):
        self.key, self.value = bytes(64), b"\1" * 64
        self.update(seed)

    def update(self, data):
        for separator in (b"\0", b"\1"):
            self.key = hmac.digest(self.key, self.value + separator + data, "sha512")
            self.value = hmac.digest(self.key, self.value, "sha512")
            if not data:
                return

    def generate(self, size):
        out = b""
        while len(out) < size:
            self.value = hmac.digest(self.key, self.value, "sha512")
            out += self.value
        self.update(b"")
        return out[:size]


def check_drbg(library, source):
    for size in (1, 63, 64, 65, 1000):
        for fresh in (b"", source.randbytes(32), source.randbytes(100)):
            entropy, personalization = source.randbytes(48 + size % 50), source.randbytes(size % 40)
            model = Drbg(entropy + personalization)
            first = model.generate(size)
            if fresh:
                model.update(fresh)
            assert library.drbg(entropy, personalization, fresh, size) == \
                (first, model.generate(size)), size


def main():
    library = Library(sys.argv[1])
    for number, check in enumerate((check_hashes, check_hmac, check_hkdf, check_drbg), 1):
        check(library, random.Random(number))
        print(f"ok {number} - {check.__name__} agrees with Python")
    library.close()
    print("1..4")


if __name__ == "__main__":
    main()
