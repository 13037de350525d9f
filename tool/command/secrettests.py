# SPDX-License-Identifier: BSD-2-Clause
"""Secrets for virtual machines: released by a verifier to the machine that names them and to no
other, sealed in the TPM to what runs, wiped where they were."""

import contextlib
import hashlib
import os
import re
import select
import subprocess
import tempfile
import time
from pathlib import Path

from . import attest, build, disks, image, packages, testguests, trust
from .machine import Machine
from .session import Session
from .ui import ROOT, Problem

ESCAPE = b"\x1d"
WAITS = r"this machine waits for its secret disk-key: a verifier must release it"
MEMORY = 512 << 20
DEBUG_KERNEL = "Quoin, debug kernel"


def _fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value


def _iso(out, content, version, deferred=(), verifier=b"", programs=None, system=image.SYSTEM):
    root = out.with_suffix(".root.elf")
    root.write_bytes(image.packed(content, system, programs, deferred, verifier))
    image.make(out, image.payload(root), version=version)
    return out


class _Over(Exception):
    """What follows depends on what has failed, and was counted."""


class _Bench:
    """Machines with the same TPM and disk, one after the other; a verifier at their second line."""

    def __init__(self, results, name, work, memory, more=(), firmware="bios", interface="tis"):
        self.results, self.name = results, name
        self.line, self.state = work / "com2", work / "tpm-state"
        self.memory, self.more = memory, more
        self.firmware, self.interface = firmware, interface
        self.keys = trust.development()

    def run(self, test, *arguments):
        try:
            test(self, *arguments)
        except _Over:
            pass
        except Problem as problem:
            self.results.fail(self.name, str(problem))

    @contextlib.contextmanager
    def boot(self, iso, entry=None, more=()):
        machine = Machine(iso=iso, entry=entry, firmware=self.firmware, tpm=self.interface, tpm_state=self.state,
                          memory=self.memory, qemu_args=[
            "-serial", f"unix:{self.line},server=on,wait=off", *self.more, *more])
        with Session(machine) as session:
            yield session

    def expect(self, session, what, pattern, timeout=120):
        """Whether the console says so, counted as a test."""
        found = session.wait({"found": pattern, "failure": r"PANIC|panic:|\.\.\. FAIL"}, timeout)
        if found == "found":
            self.results.ok(f"{self.name}: {what}")
        else:
            self.results.fail(f"{self.name}: {what}", f"{pattern!r} not seen, but {found}",
                              session.last_lines())
            raise _Over

    def judge(self, what, good, why):
        if good:
            self.results.ok(f"{self.name}: {what}")
        else:
            self.results.fail(f"{self.name}: {what}", str(why))

    def release(self, iso, secret, keys=None, debug=False):
        return attest.check(str(self.line), iso, self.keys.roots, secrets=[f"disk-key={secret}"],
                            keys=keys or self.keys, debug=debug)

    def refused(self, what, iso, secret, keys, reason):
        """That a release is, by the machine."""
        try:
            self.release(iso, secret, keys)
            self.judge(what, False, "released")
        except Problem as problem:
            self.judge(what, reason in str(problem), problem)


def _again(session, what):
    """How often a line stands on the console by now."""
    return session.text.count(what)


def _await_count(session, what, count, timeout=120):
    """Waits until it stands there that often."""
    end = time.monotonic() + timeout
    while _again(session, what) < count and time.monotonic() < end:
        time.sleep(0.2)
    return _again(session, what) >= count


def _copies(session, work, secret):
    """How often the secret stands in the machine's memory."""
    dump = work / "memory"
    session.qmp("pmemsave", val=0, size=MEMORY, filename=str(dump))
    found = dump.read_bytes().count(secret)
    dump.unlink()
    return found


def small(results, name, slow):
    """With a guest that reads it and keeps nothing."""
    packages.ensure(["tpm", "iso", "attest"])
    ini = "name = {}\nkernel = test/payload\nmemory = 16M\norder = {}\n{}"
    content = {
        "test/payload": build.artifact("test/payload/payload-secret").read_bytes(),
        "vm/keeper.ini": ini.format("keeper", 0, "secret = disk-key\n").encode(),
        "vm/other.ini": ini.format("other", 1, "").encode(),
        "vm/eager.ini": ini.format("eager", 2, "secret = another-key or-fail\n").encode(),
        "vm/thief.ini": ini.format("thief", 3, "secret = disk-key\n").encode()}
    for firmware, interface in (("bios", "tis"), ("uefi", "crb"))[:2 if slow else 1]:
        with tempfile.TemporaryDirectory(prefix="quoin-secret-") as temporary:
            work = Path(temporary)
            bench = _Bench(results, f"{name}: {firmware}, {interface}", work, "512M",
                           firmware=firmware, interface=interface)
            iso = _iso(work / "good.iso", content, 7, verifier=bench.keys.verifier)
            other = _iso(work / "other.iso", content, 8)
            secret = work / "key"
            secret.write_bytes(os.urandom(48))
            bench.run(_small, work, iso, other, secret)


def _stranger(work, keys):
    """Keys with the same roots and another verifier's key."""
    folder = work / "stranger"
    folder.mkdir()
    for file in keys.folder.iterdir():
        if not file.name.startswith("verifier."):
            (folder / file.name).write_bytes(file.read_bytes())
    stranger = trust.Keys(folder)
    stranger.sign_tool("verifier", folder)
    return stranger


def _console(bench, iso):
    """The console through the sealed session, by the command itself; machine 1 is restarted there."""
    process = subprocess.Popen(
        [ROOT / "quoin", "attest", bench.line, "--iso", iso, "--console"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    seen = bytearray()

    def expect(what, keys, pattern):
        process.stdin.write(keys)
        end = time.monotonic() + 120
        while not re.search(pattern, seen, re.DOTALL) and time.monotonic() < end:
            if select.select([process.stdout], [], [], 1)[0]:
                piece = os.read(process.stdout.fileno(), 4096)
                if not piece:
                    break
                seen.extend(piece)
        bench.judge(f"from afar: {what}", re.search(pattern, seen, re.DOTALL),
                    seen[-2000:].decode(errors="replace"))
        seen.clear()

    try:
        expect("the log", b"", rb"Ctrl-A X ends it\r?\n.*\[quoin: log.*the verifier has the console")
        expect("the status page", ESCAPE + b"s", rb"pool: \d+ of \d+ bytes free.*keeper +running.*n next")
        expect("a machine's console", ESCAPE + b"1", rb"console of keeper.*secret: done")
        expect("a machine is started anew", ESCAPE + b"sr" + ESCAPE + b"l", rb"VM keeper: killed.*VM keeper: 16 MiB")
        process.stdin.write(b"\x01x")
        bench.judge("from afar: it ends", process.wait(30) == 0, process.returncode)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _small(bench, work, iso, other, secret):
    key = secret.read_bytes()
    told = f"file opt/quoin/secret/disk-key 48 bytes, hash {_fnv(key):x}"
    with bench.boot(iso) as session:
        bench.expect(session, "a machine waits for its secret", WAITS)
        session.send(ESCAPE + b"s")
        bench.expect(session, "the status page says so",
                     r"keeper +running(.*\n){1,2}.*waits for its secret, which a verifier must release")
        session.send(ESCAPE + b"l")
        bench.expect(session, "one that does not wait fails, and says why",
                     r"eager: error: its secret another-key is not there(.*\n)*.*VM eager: failed")
        bench.judge("a second machine cannot name it",
                    "vm/thief.ini: another virtual machine has this secret" in session.text,
                    session.text[-3000:])
        bench.judge("not released to another image", bench.release(other, secret) == 1 and
                    _again(session, "disk-key 48 bytes") == 0, session.last_lines())
        stranger = _stranger(work, bench.keys)
        bench.refused("not by somebody else", iso, secret, stranger, "not the verifier whom")
        large = work / "large"
        large.write_bytes(bytes(97))
        bench.judge("one that is too large is refused", bench.release(iso, large) == 1,
                    session.last_lines())
        bench.judge("not where a certificate is asked for and the TPM has none", attest.check(
            str(bench.line), iso, bench.keys.roots, authorities=iso) == 1, session.last_lines())
        bench.judge("released", bench.release(iso, secret) == 0, session.last_lines())
        session.send(ESCAPE + b"1")
        bench.expect(session, "its guest has it, once", f"secret: 1 files\n{told}\nagain 0\nsecret: done")
        session.send(ESCAPE + b"2")
        bench.expect(session, "another machine has none", "secret: 0 files\nsecret: done")
        bench.judge("a search of the memory finds what is there",
                    _copies(session, work, b"opt/quoin/secret/disk-key") > 0, "nothing")
        copies = _copies(session, work, key)
        bench.judge("it stands nowhere in memory any more", copies == 0, f"{copies} copies")
        session.send(ESCAPE + b"1")
        _console(bench, iso)
        bench.judge("started anew it has it again", _await_count(session, told, 2),
                    session.last_lines())
    with bench.boot(iso) as session:
        bench.expect(session, "after a reboot it has it without a verifier", f"{told}\nagain 0")
        copies = _copies(session, work, key)
        bench.judge("and it stands nowhere in memory", copies == 0, f"{copies} copies")
    _debug_kernel(bench, work, iso, secret, told)
    with bench.boot(other) as session:
        bench.expect(session, "another image does not get it out of the TPM", WAITS)
        bench.judge("it stands nowhere in its memory", _copies(session, work, key) == 0, "it does")
        session.send(ESCAPE + b"s")
        session.send(b"1x")
        session.send(ESCAPE + b"l")
        bench.expect(session, "a machine that waits can be switched off", r"VM keeper: powered off")
        bench.refused("an image that names no verifier takes none", other, secret, bench.keys,
                      "this image names no verifier")


def _debug_kernel(bench, work, iso, secret, told):
    """The same image by its other menu entry, on a processor without AES-NI: what the TPM has sealed is
    not for it, and a verifier releases to it only if he says so."""
    cpu = ["-cpu", "EPYC,-aes"]
    with bench.boot(iso, DEBUG_KERNEL, cpu) as session:
        bench.expect(session, "the debug kernel does not get it out of the TPM", WAITS)
        bench.judge("it stands nowhere in its memory", _copies(session, work, secret.read_bytes()) == 0,
                    "it does")
        with attest.Verifier(str(bench.line)) as verifier:
            wrong = attest.examine(verifier, iso, bench.keys.roots)
            bench.judge("the debug kernel has PCRs of its own, and is not taken for the release kernel",
                        attest.running(verifier, iso, bench.keys.roots) == "quoin-debug" and
                        "not the release kernel" in str(wrong), wrong)
            bench.judge("without AES-NI the session is sealed with ChaCha20-Poly1305",
                        verifier.cipher == "ChaCha20-Poly1305", verifier.cipher)
        bench.judge("not released to the debug kernel",
                    bench.release(iso, secret) == 1 and told not in session.text,
                    session.last_lines())
        bench.judge("unless the verifier allows it", bench.release(iso, secret, debug=True) == 0,
                    session.last_lines())
        session.send(ESCAPE + b"1")
        bench.expect(session, "then its guest has it", told)


# How the service fails, one after the other: at the secret of that name, or at what is typed on the
# console. A TPM has room for three keys and three sessions: one more failure than it could bear.
FAILURES = ("crash", "hang", "!", "crash")
WATCHDOG = ('<watchdog id="4" seconds="60" />', '<watchdog id="4" seconds="20" />')
OVER = "the machine's attestation service was started anew, and this session is over"


def service_fails(results, name, slow):
    """The attestation service faults or hangs in the middle of a session, again and again."""
    packages.ensure(["tpm", "iso", "attest"])
    content = {
        "test/payload": build.artifact("test/payload/payload-secret").read_bytes(),
        "vm/keeper.ini": b"name = keeper\nkernel = test/payload\nmemory = 16M\nsecret = disk-key\n"}
    with tempfile.TemporaryDirectory(prefix="quoin-secret-") as temporary:
        work = Path(temporary)
        bench = _Bench(results, name, work, "512M")
        system = build.directory() / f"test-{name}.system"
        system.write_text(image.SYSTEM.read_text().replace(*WATCHDOG))
        iso = _iso(work / "failing.iso", content, 7, verifier=bench.keys.verifier, system=system,
                   programs={"attest.elf": "test/component/attest-crash.elf"})
        bench.run(_service_fails, work, iso)


def _failure(bench, session, iso, secret, count):
    """A session in which the service fails; the key that the machine had in it."""
    how = FAILURES[count - 1]
    with attest.Verifier(str(bench.line)) as verifier:
        wrong = attest.examine(verifier, iso, bench.keys.roots)
        bench.judge(f"it answers as it should ({count})", not wrong, wrong)
        attest.prove(verifier, bench.keys)
        if how == "!":
            said = verifier.ask("console")
            bench.judge(f"the console is open ({count})", said == "console", said)
            verifier.process.stdin.write(b"!")
        else:
            verifier.process.stdin.write(f"release {how} {secret}\n".encode())
        bench.expect(session, f"the service fails in a session and is started anew ({count}: {how})",
                     ("attest does not answer(.*\n)*.*" if how == "hang" else "") +
                     f"attest is started anew, {count} times? so far")
        # Its standard input stays open: it must end for what the machine sends.
        try:
            verifier.process.wait(60)
            told = verifier.process.stderr.read().decode()
        except subprocess.TimeoutExpired:
            verifier.process.kill()
            told = "nothing in a minute"
        bench.judge(f"the verifier is told so ({count}: {how})", OVER in told, told)
    return verifier.said["key-digest"]


def _service_fails(bench, work, iso):
    lost, kept = work / "lost", work / "kept"
    for file in (lost, kept):
        file.write_bytes(os.urandom(48))
    told = f"file opt/quoin/secret/disk-key 48 bytes, hash {_fnv(kept.read_bytes()):x}"
    with bench.boot(iso) as session:
        bench.expect(session, "a machine waits for its secret", WAITS)
        session.send(ESCAPE + b"l")
        keys = {_failure(bench, session, iso, lost, 1)}
        copies = _copies(session, work, lost.read_bytes())
        bench.judge("the secret that it had stands nowhere in memory", copies == 0,
                    f"{copies} copies")
        bench.judge("then it attests, and the machine's secret is released",
                    bench.release(iso, kept) == 0, session.last_lines())
        session.send(ESCAPE + b"1")
        bench.expect(session, "the machine that waited has it", f"{told}\nagain 0")
        session.send(ESCAPE + b"l")
        keys |= {_failure(bench, session, iso, lost, count)
                 for count in range(2, len(FAILURES) + 1)}
        bench.judge("each time it has made itself a new key", len(keys) == len(FAILURES), keys)
        with attest.Verifier(str(bench.line)) as verifier:
            wrong = attest.examine(verifier, iso, bench.keys.roots)
            bench.judge("the TPM still quotes", not wrong, wrong)
        for what, file in (("lost", lost), ("taken", kept)):
            copies = _copies(session, work, file.read_bytes())
            bench.judge(f"the secret that was {what} stands nowhere in memory", copies == 0,
                        f"{copies} copies")
        bench.judge("the console can be had", _console_answers(bench, iso), session.last_lines())


def _console_answers(bench, iso):
    """Whether the log is shown through a new session."""
    done = subprocess.run(
        [ROOT / "quoin", "attest", bench.line, "--iso", iso, "--console"], input=b"\x01x",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    return done.returncode == 0 and b"the machine's console" in done.stdout


def encrypted_disk(results, name, slow):
    """Debian's kernel and cryptsetup with a disk that the secret opens."""
    packages.ensure(["tpm", "iso", "attest"])
    guests = testguests.content({"guest/vmlinuz", "test/initramfs-secret"})
    ini = ("name = {}\nkernel = guest/vmlinuz\ninitrd = test/initramfs-secret\nmemory = 256M\n"
           "order = {}\ncmdline = console=ttyS0 quiet tests=secret {}\n{}")
    content = guests | {
        "vm/keeper.ini": ini.format("keeper", 0, "secret=disk-key", "secret = disk-key\n"
                                    f"disk = partition:{disks.PARTITIONS[0][0]}\n").encode(),
        "vm/other.ini": ini.format("other", 1, "", "").encode()}
    with tempfile.TemporaryDirectory(prefix="quoin-secret-") as temporary:
        work = Path(temporary)
        disk = work / "disk"
        disk.write_bytes(disks.content("partitions"))
        bench = _Bench(results, name, work, "1G", disks.attach(disk, "virtio"))
        iso = _iso(work / "good.iso", content, 7, guests, bench.keys.verifier)
        secret = work / "key"
        secret.write_bytes(os.urandom(64))
        bench.run(_encrypted_disk, iso, secret)
        data = disk.read_bytes()
        first = disks.PARTITIONS[0][1] * disks.SECTOR
        bench.judge("on the disk itself is LUKS, and not what was written",
                    data[first:first + 6] == b"LUKS\xba\xbe" and b"MARKER written" not in data,
                    data[first:first + 16])


def _encrypted_disk(bench, iso, secret):
    key = hashlib.sha256(secret.read_bytes()).hexdigest()
    opened = "opened: MARKER written by the first boot"
    with bench.boot(iso) as session:
        bench.expect(session, "it waits", WAITS)
        bench.judge("released", bench.release(iso, secret) == 0, session.last_lines())
        bench.expect(session, "Linux has the key", f"secret: key {key}\n")
        bench.expect(session, "a disk is encrypted and opened",
                     rf"made an encrypted disk\n(.*\n)*.*{opened}\n(.*\n)*test secret \.\.\. ok")
        session.send(ESCAPE + b"2")
        bench.expect(session, "another machine sees none",
                     r"secret: nothing to see\n(.*\n)*test secret \.\.\. ok")
    with bench.boot(iso) as session:
        bench.expect(session, "after a reboot it is opened without a verifier",
                     rf"secret: {opened}\n(.*\n)*test secret \.\.\. ok")
        bench.judge("and not made anew", "made an encrypted disk" not in session.text,
                    session.last_lines())
