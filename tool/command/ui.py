# SPDX-License-Identifier: BSD-2-Clause
"""How the command talks: progress lines, one-line errors, and running other programs."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Problem(Exception):
    """An error whose text is one line that says what to do."""


def ci():
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


# Where progress goes: a command whose output is for programs sends it to stderr.
progress = sys.stdout


def progress_to_stderr():
    global progress
    progress = sys.stderr


def say(text):
    print(text, flush=True)


class Step:
    """A long step: its name at once, its duration at the end."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        print(f"{self.name} ...", end="", flush=True, file=progress)
        self.start = time.monotonic()
        return self

    def __exit__(self, kind, value, trace):
        took = time.monotonic() - self.start
        print(f" {'done' if kind is None else 'failed'} ({took:.1f} s)", flush=True,
              file=progress)
        return False


def run(command, what, cwd=ROOT, env=None, quiet=True, timeout=None):
    """Runs a program and returns its output; a failure is a Problem that shows the last lines."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.PIPE if quiet else None,
                              stderr=subprocess.STDOUT if quiet else None, text=True,
                              errors="replace", check=False)
    except FileNotFoundError as error:
        raise Problem(f"{what}: {command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Problem(f"{what}: {command[0]} took more than {timeout} s") from error
    output = done.stdout or ""
    if done.returncode != 0:
        sys.stdout.flush()
        for line in output.splitlines()[-40:]:
            print(f"    {line}", file=sys.stderr)
        raise Problem(f"{what} failed: {command[0]} ended with {done.returncode}")
    return output
