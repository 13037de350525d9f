# SPDX-License-Identifier: BSD-2-Clause
"""Rounds of crosscheck.py that are too dear for one run: a file says how many have been made of each
set in each direction, and each run goes on from there."""

import json
import os
import pathlib
import random
import time

ROUNDS = 1000
PRINTED = 50
DIRECTIONS = ("here", "there")

# FIPS 205 table 2: layers, height of a layer, height and number of the FORS trees.
SHAPES = {"128s": (7, 9, 12, 14), "128f": (22, 3, 6, 33), "192s": (7, 9, 14, 17),
          "192f": (22, 3, 8, 33), "256s": (8, 8, 14, 22), "256f": (17, 4, 9, 35)}


def cost(algorithm, direction):
    """Of one round, roughly, in calls of SHA-256's compression function here."""
    layers, height, fors_height, fors = SHAPES[algorithm[-4:]]
    chains = 2 * int(algorithm[-4:-1]) // 8 + 3
    hashes = layers * 2 ** height * chains * 16 + fors * 2 ** (fors_height + 1)
    return hashes * (4 if "SHAKE" in algorithm else 1) * (8 if direction == "there" else 1)


def load(path):
    tally = json.loads(path.read_text()) if path.exists() else {}
    return {f"{name}": {direction: counts.get(direction, 0) for direction in DIRECTIONS}
            for name, counts in tally.items()}


def store(path, tally):
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(tally, indent=1) + "\n")
    os.replace(fresh, path)


def go_on(file, algorithms, make_round):
    """make_round(source, algorithm, direction, share of keys that the other side makes) raises
    AssertionError when the two disagree; the run ends with it, and the round is not counted."""
    path = pathlib.Path(file)
    tally = load(path)
    for algorithm in algorithms:
        tally.setdefault(algorithm, dict.fromkeys(DIRECTIONS, 0))
    for algorithm, direction in sorted(((a, d) for a in algorithms for d in DIRECTIONS),
                                       key=lambda pair: cost(*pair)):
        counts = tally[algorithm]
        since = time.monotonic()
        while counts[direction] < ROUNDS:
            seed = f"{algorithm} {direction} {counts[direction]}"
            try:
                # A key pair costs the other side as much as a signature, where the layers are high.
                make_round(random.Random(seed), algorithm, direction,
                           0.5 if algorithm.endswith("f") else 0.02)
            except AssertionError:
                print(f"they disagree in the round of seed \"{seed}\", which is next again")
                raise
            counts[direction] += 1
            store(path, tally)
            if counts[direction] % PRINTED == 0:
                now = time.monotonic()
                print(f"{time.strftime('%H:%M:%S')} {algorithm} {direction}: {counts[direction]} "
                      f"rounds, {now - since:.0f} s since the last line", flush=True)
                since = now
