# SPDX-License-Identifier: BSD-2-Clause
"""./quoin test: everything that can be checked, counted."""

from . import emulatortests, hosttests, imagetests, packages
from .results import Results

KINDS = ("unit", "kernel", "vm", "boot", "proof")


def test(options):
    results = Results()
    slow = options.kind == "all"
    kinds = KINDS if options.kind in (None, "all") else (options.kind,)
    whole = options.name is None and options.kind in (None, "all", "unit")
    if not hosttests.check_build(results, "gcc", options.yes):
        return results.close()
    if whole:
        hosttests.check_build(results, "clang", options.yes)
        hosttests.check_format(results, options.yes)
        hosttests.check_licence(results)
    if "proof" in kinds and hosttests.meson_tests(["proof"], slow, options.name):
        packages.ensure(["proof"], options.yes)
    suites = [kind for kind in kinds if kind in ("unit", "proof")]
    if options.kind == "all":
        suites.append("fuzz")
    hosttests.run_meson(results, suites, slow, options.name)
    emulators = [kind for kind in kinds if kind in ("kernel", "vm", "boot")]
    if "boot" in emulators:
        imagetests.run(results, options.name, options.yes)
    emulatortests.run(results, emulators, slow, options.name, options.yes)
    return results.close()
