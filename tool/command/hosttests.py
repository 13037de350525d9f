# SPDX-License-Identifier: BSD-2-Clause
"""Tests that run on the host: the build itself, the format, and meson's tests."""

import json
import os
import re
import subprocess

from . import build, packages
from .results import Timer
from .ui import ROOT, Problem, run

_TAP = re.compile(r"^\s*(ok|not ok)\s+\d+\s*-?\s*(.*?)\s*(#\s*(skip|todo).*)?$", re.IGNORECASE)

_PLAN = re.compile(r"^\s*1\.\.(\d+)", re.MULTILINE)


def check_build(results, compiler, yes):
    """Building without a warning is a test; returns whether there is a build to go on with."""
    timer = Timer()
    try:
        warnings = build.build(compiler, yes)
    except Problem as problem:
        results.fail(f"build-{compiler}", str(problem))
        return False
    if warnings:
        results.fail(f"build-{compiler}", f"{len(warnings)} warnings", warnings[:20])
    else:
        results.ok(f"build-{compiler}", timer.took)
    return True


def listed_files(*patterns):
    """The files of the tree, tracked or new; of all kinds, or those that match the patterns."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
                 "listing the files").split("\0")
    return [name for name in listed if (ROOT / name).is_file()]


def sources():
    """The C files of the tree."""
    return listed_files("*.c", "*.h")


def check_format(results, yes):
    packages.ensure(["format"], yes)
    names = sources()
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=ROOT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        results.ok(f"clang-format of {len(names)} files")
        return
    wrong = sorted({line.split(":")[0] for line in done.stdout.splitlines() if ": error:" in line})
    results.fail("clang-format", f"{len(wrong)} files differ; run clang-format -i on them", wrong)


def check_licence(results):
    """Every source file names its licence in its first lines."""
    kinds = (".c", ".h", ".S", ".py", ".ld", ".cfg", ".asl", "meson.build", ".toml")
    wrong = []
    for name in listed_files():
        if name.endswith(kinds):
            head = (ROOT / name).read_text(errors="replace")[:400]
            if "SPDX-License-Identifier: BSD-2-Clause" not in head:
                wrong.append(name)
    if wrong:
        results.fail("SPDX lines", f"{len(wrong)} files have none", wrong[:20])
    else:
        results.ok("SPDX lines")


def meson_tests(suites, slow, name, compiler="gcc"):
    """Names of meson's tests in one of the suites; slow ones, if not wanted, by their exact name."""
    described = json.loads(run(["meson", "introspect", "--tests", build.directory(compiler)],
                               "listing the tests"))
    chosen = []
    for test in described:
        of = {suite.split(":")[-1] for suite in test["suite"]}
        if of & set(suites) and (slow or "slow" not in of or test["name"] == name):
            if name is None or re.search(name, test["name"]):
                chosen.append(test["name"])
    return chosen


def run_meson(results, suites, slow, name, compiler="gcc"):
    """Runs meson's tests and returns how many there were."""
    chosen = meson_tests(suites, slow, name, compiler)
    if not chosen:
        return 0
    log = build.directory(compiler) / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    subprocess.run(["meson", "test", "-C", str(build.directory(compiler)), "--no-rebuild",
                    "--num-processes", str(os.cpu_count() or 1), *chosen],
                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                   check=False)
    if not log.exists():
        results.fail("meson test", "it wrote no results")
        return len(chosen)
    seen = set()
    for line in log.read_text().splitlines():
        record = json.loads(line)
        seen.add(record["name"].split(" / ")[-1])
        count(results, record)
    for missing in sorted(set(chosen) - seen):
        results.fail(missing, "it did not run")
    return len(chosen)


def count(results, record):
    """One test program: each of its TAP lines, or the program itself when it prints none."""
    name = record["name"].split(" / ")[-1]
    output = (record.get("stdout") or "") + "\n" + (record.get("stderr") or "")
    details = output.strip().splitlines()[-30:]
    if record["result"] == "SKIP":
        results.skip(name, (details or ["no reason given"])[-1])
        return
    failed = False
    cases = 0
    for line in output.splitlines():
        match = _TAP.match(line)
        if not match:
            continue
        cases += 1
        case = f"{name}: {match.group(2)}"
        if match.group(4) and match.group(4).lower() == "skip":
            results.skip(case, match.group(3).lstrip("# "))
        elif match.group(1).lower() == "ok":
            results.ok(case)
        else:
            failed = True
            results.fail(case, "see below", details)
    if record["result"] != "OK" and not failed:
        results.fail(name, record["result"].lower() + f", exit code {record.get('returncode')}",
                     details)
    elif cases == 0:
        results.ok(name, record.get("duration"))
    elif cases != sum(int(plan) for plan in _PLAN.findall(output)):
        results.fail(name, f"it announced other than the {cases} cases that it ran", details)
