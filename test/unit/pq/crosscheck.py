#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Exchanges random signatures and ciphertexts with independent implementations, both ways.

    crosscheck.py DRIVER noble|openssl LIBCRYPTO_PROGRAM
                  [--all | --only SET --rounds N [--run ID] | --tally FILE]

noble is @noble/post-quantum under node, openssl the libcrypto of OpenSSL 3.5. Each round makes a key
pair on one side, has the other sign or encapsulate too, checks both, and checks that both refuse an
altered signature. --all takes 1,000 rounds for each set of ML-DSA and ML-KEM, and 1,008 over the
twelve sets of SLH-DSA; otherwise a few. --only takes N rounds of one set, other ones for each ID.

--tally goes on with SLH-DSA where FILE says that it stands, the cheapest first, until each set has
1,000 rounds in each direction: "here", where lib/pq signs, and "there", where the other does; both
verify. It may be ended at any time. No round is made twice.
"""

import argparse
import random
import sys

import parts
import tally
from library import MISMATCH, Library

MLDSA = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
MLKEM = ("ML-KEM-512", "ML-KEM-768", "ML-KEM-1024")
SLHDSA = tuple(f"SLH-DSA-{hash}-{size}" for hash in ("SHA2", "SHAKE")
               for size in ("128s", "128f", "192s", "192f", "256s", "256f"))
HERE = parts.pathlib.Path(__file__).resolve().parent


class Peer(Library):
    """The other implementation; the requests are those of noble.mjs and libcrypto.c."""

    def keygen(self, algorithm):
        return self.ask("keygen", algorithm)

    def sign(self, algorithm, secret_key, message, context=b""):
        return self.ask("sign", algorithm, context, message, secret_key)

    def verify(self, algorithm, public_key, message, signature, context=b""):
        return self.ask("verify", algorithm, context, message, public_key, signature)

    def encapsulate(self, algorithm, public_key):
        return self.ask("encapsulate", algorithm, public_key)

    def decapsulate(self, algorithm, secret_key, ciphertext):
        return self.ask("decapsulate", algorithm, secret_key, ciphertext)


def start_peer(name, program):
    if name == "noble":
        return Peer(["node", str(HERE / "noble.mjs"), str(parts.noble())])
    loader, option, libraries, _ = parts.openssl()
    return Peer([loader, option, libraries, program])


def altered(source, data):
    at = source.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << source.randrange(8)]) + data[at + 1:]


def seed_size(algorithm):
    return 32 if algorithm in MLDSA else int(algorithm[-4:-1]) // 8 * 3


def signature_round(ours, peer, source, algorithm, directions=("here", "there"), keys_there=0.5):
    message = source.randbytes(source.randrange(2000))
    context = source.randbytes(source.randrange(256) if source.random() < 0.5 else 0)
    seed = source.randbytes(seed_size(algorithm))
    public, secret = peer.keygen(algorithm) if source.random() < keys_there \
        else ours.sign_keygen(algorithm, seed)
    hedge = source.choice((b"", source.randbytes(32 if algorithm in MLDSA else len(seed) // 3)))
    for direction in directions:
        signature = ours.sign(algorithm, secret, message, hedge, context) if direction == "here" \
            else peer.sign(algorithm, secret, message, context)
        assert ours.verify(algorithm, public, message, signature, context) == ()
        assert peer.verify(algorithm, public, message, signature, context) == ()
        wrong = altered(source, signature)
        assert ours.verify(algorithm, public, message, wrong, context) == MISMATCH
        assert isinstance(peer.verify(algorithm, public, message, wrong, context), int)


def kem_round(ours, peer, source, algorithm):
    public, secret = ours.kem_keygen(algorithm, source.randbytes(64)) if source.random() < 0.5 \
        else peer.keygen(algorithm)
    made_here = ours.kem_encapsulate(algorithm, public, source.randbytes(32))
    made_there = peer.encapsulate(algorithm, public)
    for ciphertext, shared in (made_here, made_there):
        assert ours.kem_decapsulate(algorithm, secret, ciphertext) == shared
        assert peer.decapsulate(algorithm, secret, ciphertext) == shared
        # Both reject implicitly, and to the same secret.
        wrong = altered(source, ciphertext)
        rejected = ours.kem_decapsulate(algorithm, secret, wrong)
        assert rejected != shared and rejected == peer.decapsulate(algorithm, secret, wrong)


def plan(arguments):
    """(algorithm, rounds)"""
    if arguments.only:
        return [(arguments.only, arguments.rounds)]
    if arguments.all:
        return [(name, 1000) for name in MLDSA + MLKEM] + \
            [(name, 160 if name.endswith("f") else 8) for name in SLHDSA]
    return [(name, 10) for name in MLDSA + MLKEM] + \
        [("SLH-DSA-SHA2-128f", 1), ("SLH-DSA-SHAKE-128f", 1), ("SLH-DSA-SHA2-192f", 1)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("peer", choices=("noble", "openssl"))
    parser.add_argument("program")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", choices=MLDSA + MLKEM + SLHDSA)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--run", default="")
    parser.add_argument("--tally")
    arguments = parser.parse_args()
    try:
        peer = start_peer(arguments.peer, arguments.program)
    except parts.Unavailable as reason:
        print(f"skipped: {arguments.peer} is not available: {reason}")
        sys.exit(77)
    ours = Library(arguments.driver)
    if arguments.tally:
        tally.go_on(arguments.tally, SLHDSA, lambda source, algorithm, direction, keys_there:
                    signature_round(ours, peer, source, algorithm, (direction,), keys_there))
        return
    bad = False
    rounds = plan(arguments)
    for number, (algorithm, count) in enumerate(rounds, 1):
        source = random.Random(f"{algorithm} {arguments.peer}{arguments.run}")
        done = 0
        try:
            for done in range(count):
                if algorithm in MLKEM:
                    kem_round(ours, peer, source, algorithm)
                else:
                    signature_round(ours, peer, source, algorithm)
            good = True
        except AssertionError:
            good = False
            bad = True
            print(f"# {algorithm}: round {done} disagrees")
        print(f"{'ok' if good else 'not ok'} {number} - {algorithm}: {count} rounds with "
              f"{arguments.peer}", flush=True)
    print(f"1..{len(rounds)}")
    ours.close()
    peer.close()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
