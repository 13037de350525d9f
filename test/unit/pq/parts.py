#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packages of other Debian suites and of npm, unpacked into a cache folder and never installed.

fetch_debian() downloads a binary package with an apt configuration of its own (own state, own
lists), so the machine's package database is neither read nor changed; apt checks the archive's
signature as always. The mirror is the one that the machine itself is configured for.

Every function raises Unavailable, with the reason, when the package cannot be had. Tests turn that
into "skipped".
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("QUOIN_PARTS", ROOT / "build" / "parts"))
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Unavailable(Exception):
    pass


def run(argv, timeout, **options):
    try:
        return subprocess.run(argv, check=True, timeout=timeout, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, **options).stdout
    except FileNotFoundError as e:
        raise Unavailable(f"{argv[0]} is not installed") from e
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"{argv[0]} gave no answer within {timeout} s") from e
    except subprocess.CalledProcessError as e:
        lines = (e.stderr or e.stdout or "").strip().splitlines()
        raise Unavailable(f"{' '.join(argv[:2])}: {lines[-1] if lines else 'failed'}") from e


def debian_mirror():
    """The URI of the Debian archive that this machine uses."""
    found = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE) $(ORIGIN)"], 60)
    for line in found.splitlines():
        uri, *rest = line.split()
        if rest[-1:] == ["Debian"] and "security" not in uri:
            return uri
    for source in sorted(pathlib.Path("/etc/apt").glob("sources.list*")) + sorted(
            pathlib.Path("/etc/apt/sources.list.d").glob("*")):
        if not source.is_file():
            continue
        for line in source.read_text(errors="replace").splitlines():
            for word in line.split():
                if not line.startswith("#") and word.startswith("http") \
                        and word.rstrip("/").endswith("/debian"):
                    return word
    raise Unavailable("no Debian archive is configured on this machine")


def apt_options(suite):
    state = CACHE / "apt" / suite
    for folder in ("etc", "lists/partial", "cache/archives/partial", "dpkg"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "dpkg" / "status").touch()
    (state / "etc" / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {debian_mirror()} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": state / "etc" / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::Etc::PreferencesParts": "-",
        "Dir::State": state,
        "Dir::State::Lists": state / "lists",
        "Dir::State::Status": state / "dpkg" / "status",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Check-Valid-Until": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": "30",
    }
    return [f"-o{key}={value}" for key, value in settings.items()]


@contextlib.contextmanager
def alone():
    """Tests run side by side and share the cache: one at a time fetches."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@alone()
def fetch_debian(package, suite):
    """The folder into which PACKAGE of SUITE is unpacked; downloaded at most once."""
    target = CACHE / suite / package
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    options = apt_options(suite)
    if not any((CACHE / "apt" / suite / "lists").glob("*_Packages*")):
        run(["apt-get", *options, "update"], 300)
    download = CACHE / "download" / package
    shutil.rmtree(download, ignore_errors=True)
    download.mkdir(parents=True)
    run(["apt-get", *options, "download", package], 300, cwd=download)
    archives = list(download.glob("*.deb"))
    if len(archives) != 1:
        raise Unavailable(f"apt-get download {package} brought {len(archives)} files")
    fresh = download / "tree"
    run(["dpkg", "-x", str(archives[0]), str(fresh)], 300)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.rename(target)
    shutil.rmtree(download)
    return target


@alone()
def fetch_npm(name, version):
    """The folder in which node finds the npm package NAME at VERSION."""
    target = CACHE / "npm" / f"{name.replace('/', '+')}@{version}"
    if (target / "node_modules" / name / "package.json").is_file():
        return target
    target.mkdir(parents=True, exist_ok=True)
    (target / "package.json").write_text('{"private": true, "type": "module"}\n')
    run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", f"{name}@{version}"],
        300, cwd=target)
    return target


def circl():
    """NIST ACVP vectors as the circl library ships them."""
    return fetch_debian("golang-github-cloudflare-circl-dev", "sid")


def wycheproof():
    return fetch_debian("golang-github-c2sp-wycheproof-dev", "sid")


def openssl():
    """The command that runs OpenSSL 3.5 with its own loader and libraries."""
    folders = [fetch_debian(package, "trixie")
               for package in ("openssl", "libssl3t64", "libc6", "libzstd1", "zlib1g")]
    libraries = ":".join(str(folder / "usr/lib/x86_64-linux-gnu") for folder in folders)
    loader = folders[2] / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    command = [str(loader), "--library-path", libraries, str(folders[0] / "usr/bin/openssl")]
    version = run([*command, "version"], 30)
    if not version.startswith("OpenSSL 3.5"):
        raise Unavailable(f"trixie's openssl says {version.strip()}")
    return command


def noble():
    return fetch_npm("@noble/post-quantum", "0.7.1")


if __name__ == "__main__":
    for part in (circl, wycheproof, openssl, noble):
        try:
            print(f"{part.__name__}: {part()}")
        except Unavailable as reason:
            print(f"{part.__name__}: not available: {reason}", file=sys.stderr)
