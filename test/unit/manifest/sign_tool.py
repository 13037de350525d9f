#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests quoin-sign as a person uses it.

    sign_tool.py PROGRAM
"""

import pathlib
import subprocess
import sys
import tempfile

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())


class Tool:
    def __init__(self, folder):
        self.folder = folder
        (folder / "passphrase").write_text("correct horse\n")
        (folder / "wrong").write_text("battery staple\n")
        (folder / "kernel").write_bytes(b"\x7fELF kernel")
        (folder / "init").write_bytes(b"\x7fELF init")

    def run(self, *arguments, passphrase="passphrase"):
        done = subprocess.run([PROGRAM, "--passphrase-file", passphrase, *arguments], text=True,
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    def good(self, *arguments, **options):
        code, output = self.run(*arguments, **options)
        assert code == 0, output
        return output

    def bad(self, expected, *arguments, **options):
        code, output = self.run(*arguments, **options)
        assert code == 1 and expected in output, (code, output)


def check_new_keys(tool):
    tool.good("new", "keys")
    for name in ("root.key", "release.key"):
        assert (tool.folder / "keys" / name).stat().st_mode & 0o077 == 0, name
    before = (tool.folder / "keys/root.key").read_bytes()
    tool.bad("it is not overwritten", "new", "keys")
    assert (tool.folder / "keys/root.key").read_bytes() == before


def check_sign_and_verify(tool):
    tool.good("sign", "keys", "3", "manifest", "root:init=init", "kernel:boot/kernel=kernel")
    output = tool.good("verify", "keys/roots.pub", "manifest", "boot/kernel=kernel", "init=init")
    assert output == "good: version 3, release keys of epoch 1, 2 files\n", output
    tool.bad("boot/kernel: the file has", "verify", "keys/roots.pub", "manifest",
             "boot/kernel=init")
    tool.bad("other: the manifest has no such file", "verify", "keys/roots.pub", "manifest",
             "other=init")


def check_covered_part(tool):
    """A root image of which two pages are covered: what is behind them may be anything."""
    pages = bytes(range(256)) * 32
    (tool.folder / "image").write_bytes(pages + b"first")
    tool.good("sign", "keys", "3", "partly", "root/2:image=image", "kernel:k=kernel")
    tool.good("verify", "keys/roots.pub", "partly", "image=image")
    (tool.folder / "image").write_bytes(pages + b"other")
    tool.good("verify", "keys/roots.pub", "partly", "image=image")
    (tool.folder / "image").write_bytes(pages[:-1] + b"xfirst")
    tool.bad("image: the file has other contents", "verify", "keys/roots.pub", "partly",
             "image=image")
    tool.bad("less than the pages", "sign", "keys", "3", "x", "root/3:image=image")
    tool.bad("no number of pages", "sign", "keys", "3", "x", "root/0:image=image")
    code, output = tool.run("sign", "keys", "3", "x", "kernel/2:image=image")
    assert code == 1 and "field that must be zero" in output, output


def check_refusals(tool):
    tool.bad("passphrase is wrong", "sign", "keys", "3", "x", "kernel:k=kernel",
             passphrase="wrong")
    tool.bad("is no version", "sign", "keys", "3x", "x", "kernel:k=kernel")
    tool.bad("is no role", "sign", "keys", "3", "x", "boss:k=kernel")
    tool.bad("not of the form", "sign", "keys", "3", "x", "kernel")
    tool.bad("name is not allowed", "sign", "keys", "3", "x", "kernel:a b=kernel")
    tool.bad("not in order", "sign", "keys", "3", "x", "kernel:k=kernel", "kernel:k=init")
    assert not (tool.folder / "x").exists()
    data = bytearray((tool.folder / "manifest").read_bytes())
    data[-1] ^= 1
    (tool.folder / "damaged").write_bytes(data)
    tool.bad("manifest, SLH-DSA-SHA2-256s: the signature does not verify", "verify",
             "keys/roots.pub", "damaged")


def check_rotation(tool):
    tool.good("rotate", "keys")
    tool.good("sign", "keys", "4", "newer", "kernel:boot/kernel=kernel")
    output = tool.good("verify", "keys/roots.pub", "newer")
    assert "epoch 2" in output, output
    # The newer release keys do not stand behind the older manifest.
    older = (tool.folder / "manifest").read_bytes()
    newer = (tool.folder / "newer").read_bytes()
    size = (tool.folder / "keys/release.part").stat().st_size
    (tool.folder / "mixed").write_bytes(newer[:size] + older[size:])
    tool.bad("release keys have been replaced", "verify", "keys/roots.pub", "mixed")


def check_roots_source(tool):
    tool.good("roots", "keys/roots.pub", "roots.c")
    source = (tool.folder / "roots.c").read_text()
    public = (tool.folder / "keys/roots.pub").read_bytes()
    assert source.count("0x") == len(public) - 16, "all key bytes, without the two headers"


def main():
    checks = (check_new_keys, check_sign_and_verify, check_covered_part, check_refusals,
              check_rotation, check_roots_source)
    with tempfile.TemporaryDirectory() as folder:
        tool = Tool(pathlib.Path(folder))
        for number, check in enumerate(checks, 1):
            check(tool)
            print(f"ok {number} - {check.__name__.replace('_', ' ')}", flush=True)
    print(f"1..{len(checks)}")


if __name__ == "__main__":
    main()
