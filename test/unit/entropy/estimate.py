#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Estimates the min-entropy of samples of 8 bits, by four estimators of NIST SP 800-90B.

    estimate.py PROGRAM

PROGRAM writes the samples (samples.c). The least of the estimates counts; the standard has six
more, some of them for bits alone. Samples from one machine say nothing of another.
"""

import collections
import math
import subprocess
import sys

Z = 2.576  # 99 %, two-sided


def upper(probability, count):
    return min(1.0, probability + Z * math.sqrt(probability * (1 - probability) / (count - 1)))


def most_common(samples):
    """Section 6.3.1."""
    count = collections.Counter(samples).most_common(1)[0][1]
    return -math.log2(upper(count / len(samples), len(samples)))


def tuples(samples):
    """Section 6.3.5."""
    worst = 0.0
    size = 1
    while True:
        seen = collections.Counter(samples[i:i + size] for i in range(len(samples) - size + 1))
        most = seen.most_common(1)[0][1]
        if most < 35:
            break
        worst = max(worst, (most / (len(samples) - size + 1)) ** (1 / size))
        size += 1
    return -math.log2(upper(worst, len(samples)))


def no_run(p, run, count):
    """The probability that `count` tries, each right with p, have no `run` right ones in a row
    (section 6.3.7, step 7; Feller, volume 1, XIII.7)."""
    q = 1 - p
    x = 1.0
    for _ in range(10):
        x = 1 + q * p ** run * x ** (run + 1)
        if p * x >= 1:
            return 0.0
    return (1 - p * x) / ((run + 1 - run * x) * q) / x ** (count + 1)


def local_bound(longest, count):
    """The chance of a right prediction with which the longest run seen is not exceeded in 99 %."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if no_run(middle, longest + 1, count) > 0.99:
            low = middle
        else:
            high = middle
    return low


def from_predictions(right, longest, count, symbols):
    globally = 0.01 ** (1 / count) if right == 0 else upper(right / count, count)
    return -math.log2(max(globally, local_bound(longest, count), 1 / symbols))


class Run:
    """Right predictions: how many, and how many in a row at most."""

    def __init__(self):
        self.right = self.longest = self.row = 0

    def count(self, right):
        self.row = self.row + 1 if right else 0
        self.right += right
        self.longest = max(self.longest, self.row)


def lag(samples, depth=128):
    """Section 6.3.8."""
    scores = [0] * (depth + 1)
    best = 1
    run = Run()
    for i in range(1, len(samples)):
        value = samples[i]
        run.count(i >= best and samples[i - best] == value)
        for d in range(1, min(depth, i) + 1):
            if samples[i - d] == value:
                scores[d] += 1
                if scores[d] >= scores[best]:
                    best = d
    return from_predictions(run.right, run.longest, len(samples) - 1, len(set(samples)))


def markov_models(samples, depth=16):
    """Section 6.3.9, without its limit of the models' size."""
    models = [collections.defaultdict(collections.Counter) for _ in range(depth)]
    likely = [{} for _ in range(depth)]
    scores = [0] * depth
    winner = 0
    run = Run()
    for i in range(2, len(samples)):
        value = samples[i]
        for d in range(min(depth, i - 1)):
            key = samples[i - d - 2:i - 1]
            seen = models[d][key]
            seen[samples[i - 1]] += 1
            if seen[samples[i - 1]] >= seen[likely[d].get(key, samples[i - 1])]:
                likely[d][key] = samples[i - 1]
        guesses = [likely[d].get(samples[i - d - 1:i]) for d in range(min(depth, i - 1))]
        run.count(winner < len(guesses) and guesses[winner] == value)
        for d, guess in enumerate(guesses):
            if guess == value:
                scores[d] += 1
                if scores[d] >= scores[winner]:
                    winner = d
    return from_predictions(run.right, run.longest, len(samples) - 2, len(set(samples)))


def main():
    samples = subprocess.run(sys.argv[1:2], check=True, stdout=subprocess.PIPE).stdout
    # The predictors, which are slow here, look at the first part.
    part = samples[:100000]
    figures = {"most common value": most_common(samples), "t-tuple": tuples(samples),
               "lag": lag(part), "Markov models": markov_models(part)}
    for name, bits in figures.items():
        print(f"{name}: {bits:.2f} bits per sample")
    print(f"least: {min(figures.values()):.2f}")


if __name__ == "__main__":
    main()
