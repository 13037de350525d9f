#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Proves the contracts of one file with Frama-C's WP, run-time errors included.

    prove.py ROOT NAME

All goals of the named functions, and the file's lemmas, must be discharged, and be as many as
doc/SOUNDNESS.md says: a contract that is lost is not missed in silence. How many there are is printed.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Name: file, include folders, functions.
SUBJECTS = {
    "manifest-parse": ("lib/manifest/parse.c", ("lib/pq", "lib/manifest"), (
        "number", "take", "same", "parse_items", "parse_part", "parse_keys", "check_name", "rises",
        "check_entry", "parse_list")),
    "loader-elf": ("boot/loader/elf.c", ("lib/pq", "boot/loader"), (
        "number", "find_layout", "read_segment", "elf_parse")),
    "rootfiles": ("lib/rootfiles/rootfiles.c", ("lib/pq", "lib/rootfiles"), (
        "number", "is_zero", "pages_size", "check_entry", "rootfiles_parse")),
    "ring": ("lib/ring/ring.c", ("lib/ring/include",), (
        "place", "ring_room", "ring_put", "ring_publish", "ring_held", "ring_peek", "ring_take",
        "ring_write", "ring_read", "ring_must_wake", "ring_prepare_sleep", "ring_stay_awake",
        "ring_sleeps", "ring_prepare_wait", "ring_must_tell", "ring_drop")),
    "sha256": ("lib/pq/sha256.c", ("lib/pq",), (
        "bytes_load32_be", "rotate_right", "round_step", "schedule_next", "eight_first",
        "eight_later", "sha256_compress_portable", "sha256_init", "sha256_update", "finish")),
    "sha512": ("lib/pq/sha512.c", ("lib/pq",), (
        "bytes_load32_be", "bytes_load64_be", "rotate_right", "round_step", "schedule_next",
        "eight_first", "eight_later", "sha512_compress", "sha512_init", "sha512_update",
        "finish")),
    "sha3": ("lib/pq/sha3.c", ("lib/pq",), (
        "rotate_left", "column", "chi_0", "chi_1", "chi_2", "chi_3", "chi_4", "keccak_round",
        "complement", "keccak_permute", "keccak_init", "lane_xor_byte", "keccak_absorb",
        "keccak_finish", "keccak_squeeze")),
    "mldsa-ntt": ("lib/pq/mldsa_ntt.c", ("lib/pq",), (
        "zeta", "montgomery_reduce", "butterfly", "two_layers", "mldsa_ntt", "inverse_butterfly",
        "two_inverse_layers", "all_inverse_layers", "mldsa_ntt_inverse", "mldsa_multiply",
        "mldsa_sum_add", "mldsa_sum_subtract", "mldsa_sum_reduce", "mldsa_add", "mldsa_subtract",
        "reduce", "mldsa_center", "mldsa_canonical")),
    "mlkem-poly": ("lib/pq/mlkem_poly.c", ("lib/pq",), (
        "zeta_at", "montgomery_reduce", "multiply", "barrett_reduce", "layer", "mlkem_ntt",
        "inverse_layer", "mlkem_ntt_inverse", "add_product", "mlkem_sum_add", "mlkem_sum_reduce",
        "mlkem_to_montgomery", "mlkem_reduce", "mlkem_canonical", "mlkem_add",
        "mlkem_subtract")),
    "mlkem-pack": ("lib/pq/mlkem_pack.c", ("lib/pq",), (
        "divide_q", "power", "mlkem_compress", "mlkem_decompress", "mlkem_encode",
        "mlkem_decode")),
    "mlkem-sample": ("lib/pq/mlkem_sample.c", ("lib/pq",), (
        "reject", "mlkem_sample_ntt", "low_bits", "binomial", "sample_cbd")),
    "mldsa-sample": ("lib/pq/mldsa_sample.c", ("lib/pq",), (
        "reject_ntt", "mldsa_expand_a", "shake256_with_nonce", "coefficient_from_half_byte",
        "put_half_byte", "reject_bounded", "sample_bounded", "sample_mask",
        "mldsa_sample_in_ball")),
    "mldsa-pack": ("lib/pq/mldsa_pack.c", ("lib/pq",), (
        "pack", "mldsa_pack", "mldsa_pack_below", "mask_of", "unpack", "mldsa_unpack",
        "mldsa_unpack_below", "mldsa_pack_hint", "rises", "zeros", "mldsa_check_hint",
        "mldsa_unpack_hint")),
    "chacha20-poly1305": ("lib/pq/chacha20_poly1305.c", ("lib/pq",), (
        "rotate_left", "quarter_round", "chacha20_start", "chacha20_rounds", "crypt_blocks",
        "poly1305_init", "poly1305_block", "poly1305_padded", "poly1305_final", "make_tag")),
    "mldsa-round": ("lib/pq/mldsa_round.c", ("lib/pq",), (
        "mldsa_power2round", "divide_2gamma2", "mldsa_decompose", "mldsa_use_hint")),
}

# Headers of test/proof/include: stand-ins for Frama-C's own, and what is assumed of integers.
STAND_INS = {"ring": ("stdatomic.h", "string.h"), "sha3": ("integers.h",),
             "mldsa-ntt": ("integers.h",), "mldsa-pack": ("integers.h",),
             "mldsa-sample": ("integers.h",), "mlkem-pack": ("integers.h",),
             "mlkem-poly": ("integers.h",), "mlkem-sample": ("integers.h",)}

# How far a prover goes for a goal, in its own measure of work: the same on a machine that is busy.
# The seconds end only what goes wrong.
STEPS = 200_000_000
SECONDS = 600


def stated(root, source):
    """How many goals of a file the document says are proved."""
    row = re.search(rf"^\| {re.escape(source)} \|[^|]*\| (\d+) \|",
                    (root / "doc/SOUNDNESS.md").read_text(), re.MULTILINE)
    return int(row[1])


def main():
    root = pathlib.Path(sys.argv[1])
    name = sys.argv[2]
    source, includes, functions = SUBJECTS[name]
    expected = stated(root, source)
    for program in ("frama-c", "why3", "z3", "cvc4"):
        if not shutil.which(program):
            print(f"skipped: {program} is not installed")
            sys.exit(77)
    with tempfile.TemporaryDirectory() as home:
        # The provers that why3 found are written down in a home of this run's own.
        environment = {**os.environ, "HOME": home}
        subprocess.run(["why3", "config", "detect"], check=True, env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        command = [
            "frama-c", "-machdep", "gcc_x86_64", "-c11", "-kernel-warn-key", "annot-error=abort",
            "-cpp-extra-args=" + " ".join(
                [f"-I{root / folder}" for folder in includes] +
                [f"-include {root / 'test/proof/include' / header}"
                 for header in STAND_INS.get(name, ())]),
            "-wp", "-wp-rte", "-wp-prover", "z3,cvc4", "-wp-par", "2",
            "-wp-steps", str(STEPS), "-wp-timeout", str(SECONDS),
            str(root / source)]
        chosen = [["-wp-fct", ",".join(functions)]]
        if re.search(r"^ *lemma ", (root / source).read_text(), re.MULTILINE):
            chosen.append(["-wp-prop", "@lemma"])
        runs = [subprocess.run([*command, *choice], check=False, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                for choice in chosen]
    proved = goals = 0
    for done in runs:
        found = re.search(r"Proved goals:\s+(\d+) / (\d+)", done.stdout)
        if not found or int(found[2]) == 0 or done.returncode != 0:
            print("\n".join(done.stdout.splitlines()[-20:]))
            print(f"not ok 1 - {name}: WP told no goals")
            sys.exit(1)
        proved += int(found[1])
        goals += int(found[2])
        for line in done.stdout.splitlines():
            if "] Goal" in line and ": Valid" not in line or "[Failed] Goal" in line:
                print(f"# {line}")
    if goals != expected:
        print(f"# {expected} goals were expected")
    good = proved == goals == expected
    print(f"{'ok' if good else 'not ok'} 1 - {name}: {proved} of {goals} goals proved")
    print("1..1")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
