#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Exchanges random signatures and ciphertexts with independent implementations, both ways.

    crosscheck.py DRIVER noble|openssl LIBCRYPTO_PROGRAM
                  [--all | --only SET [--first K] [--rounds N] | --tally FILE] [--seed ID]

noble is @noble/post-quantum under node, openssl the libcrypto of OpenSSL 3.5. Each round makes a key
pair on one side, has both sign or encapsulate with the same randomness, so that the same bytes must
come out, checks both, and checks that both refuse an altered signature. --all takes 1,000 rounds for
each set of ML-DSA and ML-KEM, and 1,008 over the twelve sets of SLH-DSA; otherwise a few. --only
takes N rounds of one set, from the K-th on (0 is the first).

All randomness, the other side's too, comes from a round's seed: the text "SET PEER ID K". It stands
in what is printed, and the rounds are the same each time; --seed has others.

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

    def keygen(self, algorithm, seed):
        return self.ask("keygen", algorithm, seed)

    def sign(self, algorithm, secret_key, message, random, context=b""):
        return self.ask("sign", algorithm, context, message, secret_key, random)

    def verify(self, algorithm, public_key, message, signature, context=b""):
        return self.ask("verify", algorithm, context, message, public_key, signature)

    def encapsulate(self, algorithm, public_key, random):
        return self.ask("encapsulate", algorithm, public_key, random)

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
    public, secret = peer.keygen(algorithm, seed) if source.random() < keys_there \
        else ours.sign_keygen(algorithm, seed)
    hedge = source.choice((b"", source.randbytes(32 if algorithm in MLDSA else len(seed) // 3)))
    # What stands for none: FIPS 204, algorithm 2, line 5; FIPS 205, algorithm 19, line 2.
    none = bytes(32) if algorithm in MLDSA else public[:len(seed) // 3]
    made = set()
    for direction in directions:
        signature = ours.sign(algorithm, secret, message, hedge, context) if direction == "here" \
            else peer.sign(algorithm, secret, message, hedge or none, context)
        made.add(signature)
        assert len(made) == 1
        assert ours.verify(algorithm, public, message, signature, context) == ()
        assert peer.verify(algorithm, public, message, signature, context) == ()
        wrong = altered(source, signature)
        assert ours.verify(algorithm, public, message, wrong, context) == MISMATCH
        assert isinstance(peer.verify(algorithm, public, message, wrong, context), int)


def kem_round(ours, peer, source, algorithm):
    make_key = ours.kem_keygen if source.random() < 0.5 else peer.keygen
    public, secret = make_key(algorithm, source.randbytes(64))
    random_bytes = source.randbytes(32)
    ciphertext, shared = ours.kem_encapsulate(algorithm, public, random_bytes)
    assert peer.encapsulate(algorithm, public, random_bytes) == (ciphertext, shared)
    assert ours.kem_decapsulate(algorithm, secret, ciphertext) == shared
    assert peer.decapsulate(algorithm, secret, ciphertext) == shared
    # Both reject implicitly, and to the same secret.
    wrong = altered(source, ciphertext)
    rejected = ours.kem_decapsulate(algorithm, secret, wrong)
    assert rejected != shared and rejected == peer.decapsulate(algorithm, secret, wrong)


def plan(arguments):
    """(algorithm, rounds)"""
    if arguments.only:
        return [(arguments.only, arguments.rounds or 1)]
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
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", default="0")
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
        first = arguments.first
        make_round = kem_round if algorithm in MLKEM else signature_round
        good = True
        try:
            for done in range(first, first + count):
                make_round(ours, peer, random.Random(f"{algorithm} {arguments.peer} "
                                                     f"{arguments.seed} {done}"), algorithm)
        except AssertionError:
            good = False
            bad = True
            print(f"# they disagree; again: {' '.join(sys.argv[:4])} --only {algorithm} "
                  f"--first {done} --seed {arguments.seed}")
        print(f"{'ok' if good else 'not ok'} {number} - {algorithm}: {count} rounds with "
              f"{arguments.peer}, seeds \"{algorithm} {arguments.peer} {arguments.seed} {first}\" "
              f"to {first + count - 1}", flush=True)
    print(f"1..{len(rounds)}")
    ours.close()
    peer.close()
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
