# SPDX-License-Identifier: BSD-2-Clause
"""Building with meson and ninja, and the size of what was built."""

import contextlib
import fcntl
import json
import os
import subprocess

from . import packages
from .ui import ROOT, Problem, Step, run, say


def directory(compiler="gcc"):
    return ROOT / ("build" if compiler == "gcc" else f"build-{compiler}")


def build(compiler="gcc", yes=False, targets=()):
    """Builds the tree, or only some targets, with gcc or clang; returns the compiler's warnings."""
    packages.ensure(["build"] + (["clang"] if compiler == "clang" else []), yes)
    where = directory(compiler)
    if not (where / "build.ninja").exists():
        with Step(f"configuring {where.name}"):
            run(["meson", "setup", where, ROOT], "configuring",
                env=dict(os.environ, CC=compiler))
    with Step(f"building with {compiler}"):
        output = run(["ninja", "-C", where, f"-j{os.cpu_count() or 1}", *targets], "the build")
    return [line for line in output.splitlines() if "warning:" in line]


@contextlib.contextmanager
def alone(name):
    """While the with block runs, another run of the command waits at one of the same name: for what
    is made once and kept in the build's folder."""
    directory().mkdir(exist_ok=True)
    with open(directory() / f"{name}.lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def artifact(name, compiler="gcc"):
    """The built file, or a Problem when the tree does not make it (yet)."""
    path = directory(compiler) / name
    if not path.exists():
        raise Problem(f"the build made no {name}: see ./quoin build")
    return path


def text_size(path):
    """Bytes of code of an ELF file: its text and read-only data as size(1) counts them."""
    lines = run(["size", path], "measuring").splitlines()
    return int(lines[1].split()[0])


def code_lines(folder):
    """Lines of code by language, as cloc counts them."""
    output = run(["cloc", "--json", "--quiet", folder], "counting lines")
    counts = json.loads(output[output.index("{"):]) if "{" in output else {}
    return {language: count["code"] for language, count in counts.items()
            if language not in ("header", "SUM", "Meson")}


def report_sizes():
    """Prints how large the kernel is."""
    lines = code_lines(ROOT / "kernel")
    kinds = ", ".join(f"{language} {count}" for language, count in sorted(lines.items()))
    say(f"kernel: {sum(lines.values())} lines of code ({kinds})")
    kernel = directory() / "kernel/kernel.elf"
    if kernel.exists():
        say(f"kernel: {text_size(kernel)} bytes of text in the release build")


def commit_time():
    """Seconds since 1970 of the newest commit, so that images made of it get the same dates; or
    what SOURCE_DATE_EPOCH says."""
    if os.environ.get("SOURCE_DATE_EPOCH", "").isdigit():
        return int(os.environ["SOURCE_DATE_EPOCH"])
    done = subprocess.run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 1700000000
