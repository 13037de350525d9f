#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs lib/pq over the NIST ACVP vectors (as the circl library ships them) and Wycheproof's.

    vectors.py DRIVER SUITE [--quick] [--processor portable|aes|sha]

SUITE is mac, mldsa, slhdsa, mlkem or aead. --quick takes the first vector of each ACVP group where
all of them take long (SLH-DSA). --processor says which of its instructions the library may use (all
of them otherwise). The vectors come from Debian packages (parts.py); where those cannot be had, or
the processor has not those instructions, the run ends with 77, which counts as skipped.
"""

import argparse
import collections
import gzip
import json
import subprocess
import sys

import parts
from library import MISMATCH, Library

GOCODE = "usr/share/gocode/src/github.com"


def unhex(text):
    return bytes.fromhex(text)


class Run:
    def __init__(self, command, quick, processor):
        self.library = Library(command)
        self.quick = quick
        self.processor = processor
        self.passed = collections.Counter()
        self.failed = collections.Counter()
        self.nist = parts.circl() / GOCODE / "cloudflare/circl"
        self.wycheproof = parts.wycheproof() / GOCODE / "c2sp/wycheproof/testvectors_v1"

    def check(self, source, case, good):
        if good:
            self.passed[source] += 1
        else:
            self.failed[source] += 1
            print(f"# failed: {source} {case}")

    def acvp(self, prompt, results):
        """(group, test, expected) of an ACVP pair of files."""
        def load(path):
            with gzip.open(self.nist / path) as file:
                return json.load(file)["testGroups"]
        expected = {test["tcId"]: test for group in load(results) for test in group["tests"]}
        for group in load(prompt):
            for test in group["tests"]:
                yield group, test, expected[test["tcId"]]

    def wycheproof_cases(self, name):
        path = self.wycheproof / f"{name}_test.json"
        for group in json.loads(path.read_text())["testGroups"]:
            for test in group["tests"]:
                yield group, test, test["result"] == "valid"


# ---- Message authentication and key derivation ----

def suite_mac(run):
    library = run.library
    for hash in ("SHA2-224", "SHA2-256", "SHA2-384", "SHA2-512", "SHA2-512/224", "SHA2-512/256",
                 "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512"):
        name = "hmac_" + hash.lower().replace("sha2-", "sha").replace("-", "_").replace("/", "_")
        for group, test, valid in run.wycheproof_cases(name):
            tag = library.hmac(hash, unhex(test["key"]), unhex(test["msg"]), group["tagSize"] // 8)
            run.check(name, test["tcId"], (tag == unhex(test["tag"])) == valid)
    for hash in ("SHA2-256", "SHA2-384", "SHA2-512"):
        name = "hkdf_" + hash.lower().replace("sha2-", "sha")
        for _, test, valid in run.wycheproof_cases(name):
            okm = library.hkdf(hash, unhex(test["salt"]), unhex(test["ikm"]), unhex(test["info"]),
                               test["size"])
            run.check(name, test["tcId"], (okm == unhex(test["okm"])) == valid)


# ---- ML-DSA ----

def mldsa_acvp(run):
    library = run.library
    folder = "sign/mldsa/testdata/ML-DSA-{}-FIPS204/"

    def cases(mode):
        return run.acvp(folder.format(mode) + "prompt.json.gz",
                        folder.format(mode) + "expectedResults.json.gz")

    for group, test, expected in cases("keyGen"):
        keys = library.sign_keygen(group["parameterSet"], unhex(test["seed"]))
        run.check("ACVP ML-DSA keyGen", test["tcId"],
                  keys == (unhex(expected["pk"]), unhex(expected["sk"])))
    for group, test, expected in cases("sigGen"):
        signature = library.sign(group["parameterSet"], unhex(test["sk"]), unhex(test["message"]),
                                 unhex(test.get("rnd", "")), mode="internal")
        run.check("ACVP ML-DSA sigGen", test["tcId"], signature == unhex(expected["signature"]))
    for group, test, expected in cases("sigVer"):
        verdict = library.verify(group["parameterSet"], unhex(group["pk"]), unhex(test["message"]),
                                 unhex(test["signature"]), mode="internal")
        run.check("ACVP ML-DSA sigVer", test["tcId"],
                  verdict == (() if expected["testPassed"] else MISMATCH))


def mldsa_wycheproof_sign(run, level, kind):
    library = run.library
    algorithm = f"ML-DSA-{level}"
    name = f"mldsa_{level}_sign_{kind}"
    for group, test, valid in run.wycheproof_cases(name):
        if kind == "seed":
            keys = library.sign_keygen(algorithm, unhex(group["privateSeed"]))
            if isinstance(keys, int):
                run.check(name, test["tcId"], not valid)
                continue
            run.check(name + " (public key)", test["tcId"], keys[0] == unhex(group["publicKey"]))
            secret = keys[1]
        else:
            secret = unhex(group["privateKey"])
        rnd = unhex(test.get("rnd", ""))
        if "msg" in test:
            signature = library.sign(algorithm, secret, unhex(test["msg"]), rnd,
                                     unhex(test.get("ctx", "")))
            run.check(name, test["tcId"], signature == unhex(test["sig"]) if valid
                      else isinstance(signature, int))
        if "mu" in test:
            signature = library.sign(algorithm, secret, unhex(test["mu"]), rnd, mode="mu")
            run.check(name + " (mu)", test["tcId"], signature == unhex(test["sig"]) if valid
                      else isinstance(signature, int))


def suite_mldsa(run):
    mldsa_acvp(run)
    for level in (44, 65, 87):
        mldsa_wycheproof_sign(run, level, "seed")
        mldsa_wycheproof_sign(run, level, "noseed")
        name = f"mldsa_{level}_verify"
        for group, test, valid in run.wycheproof_cases(name):
            verdict = run.library.verify(f"ML-DSA-{level}", unhex(group["publicKey"]),
                                         unhex(test["msg"]), unhex(test["sig"]),
                                         unhex(test.get("ctx", "")))
            run.check(name, test["tcId"], (verdict == ()) == valid)


# ---- SLH-DSA ----

def slhdsa_message(group, test):
    """The arguments that say what is signed."""
    if group["signatureInterface"] == "internal":
        return {"mode": "internal"}
    if group["preHash"] == "pure":
        return {"mode": "pure", "context": unhex(test["context"])}
    return {"mode": "prehash", "context": unhex(test["context"]), "hash": test["hashAlg"]}


def suite_slhdsa(run):
    library = run.library
    folder = "sign/slhdsa/testdata/"
    seen = set()

    def cases(prompt, results):
        for group, test, expected in run.acvp(folder + prompt, folder + results):
            if run.quick and (prompt, group["tgId"]) in seen:
                continue
            if run.processor == "sha" and "SHAKE" in group["parameterSet"]:
                continue  # nothing of it is in those sets
            seen.add((prompt, group["tgId"]))
            yield group, test, expected

    for group, test, expected in cases("keyGen_prompt.json.gz", "keyGen_results.json.gz"):
        if run.quick and group["parameterSet"].endswith("s"):
            continue
        seed = unhex(test["skSeed"] + test["skPrf"] + test["pkSeed"])
        keys = library.sign_keygen(group["parameterSet"], seed)
        run.check("ACVP SLH-DSA keyGen", test["tcId"],
                  keys == (unhex(expected["pk"]), unhex(expected["sk"])))
    for group, test, expected in cases("verify_prompt.json.gz", "verify_results.json.gz"):
        signature = unhex(test["signature"])
        verdict = library.verify(group["parameterSet"], unhex(test["pk"]), unhex(test["message"]),
                                 signature, **slhdsa_message(group, test))
        run.check("ACVP SLH-DSA sigVer", test["tcId"], (verdict == ()) == expected["testPassed"])
    for group, test, expected in cases("sigGen_prompt.json.gz", "sigGen_results.json.gz"):
        if run.quick and group["parameterSet"].endswith("s"):
            continue
        signature = library.sign(group["parameterSet"], unhex(test["sk"]), unhex(test["message"]),
                                 unhex(test.get("additionalRandomness", "")),
                                 **slhdsa_message(group, test))
        run.check("ACVP SLH-DSA sigGen", test["tcId"], signature == unhex(expected["signature"]))


# ---- ML-KEM ----

def mlkem_acvp(run):
    library = run.library
    folder = "kem/mlkem/testdata/ML-KEM-{}-FIPS203/"

    def cases(mode):
        return run.acvp(folder.format(mode) + "prompt.json.gz",
                        folder.format(mode) + "expectedResults.json.gz")

    for group, test, expected in cases("keyGen"):
        keys = library.kem_keygen(group["parameterSet"], unhex(test["d"] + test["z"]))
        run.check("ACVP ML-KEM keyGen", test["tcId"],
                  keys == (unhex(expected["ek"]), unhex(expected["dk"])))
    for group, test, expected in cases("encapDecap"):
        if group["function"] == "encapsulation":
            result = library.kem_encapsulate(group["parameterSet"], unhex(test["ek"]),
                                             unhex(test["m"]))
            good = result == (unhex(expected["c"]), unhex(expected["k"]))
        else:
            result = library.kem_decapsulate(group["parameterSet"], unhex(group["dk"]),
                                             unhex(test["c"]))
            good = result == unhex(expected["k"])
        run.check("ACVP ML-KEM " + group["function"], test["tcId"], good)


def suite_mlkem(run):
    library = run.library
    mlkem_acvp(run)
    for level in (512, 768, 1024):
        algorithm = f"ML-KEM-{level}"
        for _, test, valid in run.wycheproof_cases(f"mlkem_{level}_keygen_seed"):
            keys = library.kem_keygen(algorithm, unhex(test["seed"]))
            run.check(f"mlkem_{level}_keygen_seed", test["tcId"],
                      (keys == (unhex(test["ek"]), unhex(test["dk"]))) == valid)
        for _, test, valid in run.wycheproof_cases(f"mlkem_{level}_encaps"):
            result = library.kem_encapsulate(algorithm, unhex(test["ek"]), unhex(test["m"]))
            run.check(f"mlkem_{level}_encaps", test["tcId"],
                      result == (unhex(test["c"]), unhex(test["K"])) if valid
                      else isinstance(result, int))
        for _, test, valid in run.wycheproof_cases(f"mlkem_{level}"):
            keys = library.kem_keygen(algorithm, unhex(test["seed"]))
            if isinstance(keys, int):
                run.check(f"mlkem_{level}", test["tcId"], not valid)
                continue
            if "ek" in test:
                run.check(f"mlkem_{level} (ek)", test["tcId"], keys[0] == unhex(test["ek"]))
            result = library.kem_decapsulate(algorithm, keys[1], unhex(test["c"]))
            run.check(f"mlkem_{level}", test["tcId"],
                      result == unhex(test["K"]) if valid else isinstance(result, int))
        for _, test, valid in run.wycheproof_cases(f"mlkem_{level}_semi_expanded_decaps"):
            result = library.kem_decapsulate(algorithm, unhex(test["dk"]), unhex(test["c"]))
            good = isinstance(result, int) if not valid \
                else result == unhex(test["K"]) if "K" in test else isinstance(result, bytes)
            run.check(f"mlkem_{level}_semi_expanded_decaps", test["tcId"], good)


# ---- Authenticated encryption ----

def suite_aead(run):
    library = run.library
    for algorithm, name in (("AES-256-GCM", "aes_gcm"),
                            ("CHACHA20-POLY1305", "chacha20_poly1305")):
        for group, test, valid in run.wycheproof_cases(name):
            if group["keySize"] != 256 or group["tagSize"] != 128:
                continue  # AES-128 and AES-192 are not offered
            key, nonce, aad, plain, sealed, tag = (
                unhex(test[word]) for word in ("key", "iv", "aad", "msg", "ct", "tag"))
            # Cases of a nonce that is refused come without a tag.
            opened = library.aead_open(algorithm, key, nonce, aad, sealed, tag or bytes(16))
            made = library.aead_seal(algorithm, key, nonce, aad, plain)
            if group["ivSize"] != 96:
                # SP 800-38D allows other nonces for GCM; lib/pq takes 96 bits only.
                run.check(name + " (nonce size refused)", test["tcId"],
                          isinstance(opened, int) and isinstance(made, int))
                continue
            run.check(name + " open", test["tcId"],
                      opened == (plain or ()) if valid else opened == MISMATCH)
            if valid:
                run.check(name + " seal", test["tcId"],
                          made == ((sealed, tag) if sealed else tag))


SUITES = {"mac": suite_mac, "mldsa": suite_mldsa, "slhdsa": suite_slhdsa, "mlkem": suite_mlkem,
          "aead": suite_aead}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--processor", choices=("portable", "aes", "sha"))
    arguments = parser.parse_args()
    command = [arguments.driver, *([arguments.processor] if arguments.processor else [])]
    if subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 77:
        print(f"skipped: this processor has no instructions for {arguments.processor.upper()}")
        sys.exit(77)
    try:
        run = Run(command, arguments.quick, arguments.processor)
    except parts.Unavailable as reason:
        print(f"skipped: the vectors are not available: {reason}")
        sys.exit(77)
    SUITES[arguments.suite](run)
    run.library.close()
    sources = sorted(run.passed + run.failed)
    for number, source in enumerate(sources, 1):
        good, bad = run.passed[source], run.failed[source]
        print(f"{'not ok' if bad else 'ok'} {number} - {source}: {good} of {good + bad} vectors")
    print(f"1..{len(sources)}")
    sys.exit(0 if run.passed and not run.failed else 1)


if __name__ == "__main__":
    main()
