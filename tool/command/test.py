# SPDX-License-Identifier: BSD-2-Clause
"""./quoin test: everything that can be checked, counted."""

from . import emulatortests, hosttests, imagetests, packages
from .results import Results
from .ui import Problem

KINDS = ("unit", "kernel", "vm", "boot", "proof")


def _settings(texts):
    """NAME=NUMBER, as on the command line."""
    settings = {}
    for text in texts:
        name, _, number = text.partition("=")
        if not name or not number.isdigit() or int(number) >= 1 << 64:
            raise Problem(f"--set {text}: give NAME=NUMBER")
        settings[name] = int(number)
    return settings


def test(options):
    results = Results()
    settings = _settings(options.set)
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
    found = hosttests.run_meson(results, suites, slow, options.name)
    if whole:
        # libFuzzer is clang's; what depends on the compiler is run for both.
        found += hosttests.run_meson(results, ["fuzz", "compilers"], slow, None, "clang")
    emulators = [kind for kind in kinds if kind in ("kernel", "vm", "boot")]
    if "boot" in emulators:
        found += imagetests.run_all(results, options.name, slow)
    found += emulatortests.run(results, emulators, slow, options.name, options.yes,
                               inside=found == 0 and "kernel" in emulators, settings=settings)
    if options.name is not None and found == 0:
        results.fail("selection", f"no test's name matches {options.name}")
    return results.close()
