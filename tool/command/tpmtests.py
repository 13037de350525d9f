# SPDX-License-Identifier: BSD-2-Clause
"""Measured boot and the protection against rollback, with an emulated TPM 2.0."""

import re
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from . import attest, certified, image, measured, packages, trust
from .machine import Machine
from .session import Session
from .ui import Problem, run

MEMORY = 512 << 20
STARTED = "^quoin init: root task is up"
_PCR = re.compile(r"^loader: PCR (\d+) (sha\d+) ([0-9a-f]+)\s*$", re.MULTILINE)

# doc/formats.md, "Rollback index".
ROLLBACK_INDEX, ROLLBACK_SIZE = 0x01815051, 16
AUTH_WRITE, WRITE_STCLEAR, AUTH_READ, NO_DA = 1 << 2, 1 << 14, 1 << 18, 1 << 25


def _command(tag, code, body):
    return struct.pack(">HII", tag, 10 + len(body), code) + body


def define_index(state, work):
    """Defines the rollback index as the machine's owner would with tpm2-tools: TPM2_NV_DefineSpace
    (TPM 2.0 Library part 3, section 31.3), then a proper shutdown."""
    state.mkdir()
    server = work / "tpm-server"
    process = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--server",
         f"type=unixio,path={server}", "--flags", "not-need-init,startup-clear"])
    try:
        for _ in range(100):
            if server.exists():
                break
            time.sleep(0.05)
        public = struct.pack(">IHIHH", ROLLBACK_INDEX, 0x0B,
                             AUTH_WRITE | WRITE_STCLEAR | AUTH_READ | NO_DA, 0, ROLLBACK_SIZE)
        body = struct.pack(">IIIHBHHH", 0x40000001, 9, 0x40000009, 0, 0, 0, 0, len(public)) + public
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(server))
            for command in (_command(0x8002, 0x12A, body),
                            _command(0x8001, 0x145, struct.pack(">H", 0))):
                connection.sendall(command)
                answer = connection.recv(4096)
                code, = struct.unpack_from(">I", answer, 6)
                if code:
                    raise Problem(f"the TPM refused to define the index: {code:#x}")
    finally:
        process.terminate()
        process.wait(10)


def _pcrs(text):
    found = {}
    for pcr, bank, value in _PCR.findall(text):
        found.setdefault(bank, {})[int(pcr)] = bytes.fromhex(value)
    return found


def _log(memory):
    """The log of measurements behind the boot parameters in a machine's memory."""
    for match in re.finditer(rb"QUOINPAR\x01\0\0\0\x03\0\0\0", memory):
        offset, size = struct.unpack_from("<II", memory, match.start() + 28)
        if offset and match.start() % 4096 == 0:
            return memory[match.start() + offset:match.start() + offset + size]
    raise Problem("no boot parameters in the machine's memory")


_TOOLS_BANK = re.compile(r"^  (sha\d+):\s*$")
_TOOLS_PCR = re.compile(r"^    (\d+)\s*: 0x([0-9A-Fa-f]+)\s*$")


def _tools_replay(log, work):
    """The PCR values that tpm2-tools finds in a log: bank -> PCR -> value."""
    file = work / "log"
    file.write_bytes(log)
    output = run(["tpm2_eventlog", file], "replaying the log with tpm2-tools")
    found, bank = {}, None
    for line in output[output.index("\npcrs:") + 1:].splitlines()[1:]:
        if _TOOLS_BANK.match(line):
            bank = found.setdefault(_TOOLS_BANK.match(line).group(1), {})
        elif _TOOLS_PCR.match(line):
            number, value = _TOOLS_PCR.match(line).groups()
            # It pads numbers, not values.
            bank[int(number)] = bytes.fromhex(value)
    return found


def _measured_boot(results, name, iso, work, firmware, interface):
    expected = measured.predicted(iso, trust.development().roots)["quoin"]
    machine = Machine(iso=iso, firmware=firmware, tpm=interface, memory="512M")
    with Session(machine) as session:
        if session.wait({"up": STARTED}, 180) != "up":
            results.fail(name, "it did not boot", session.last_lines())
            return
        dump = work / "memory"
        session.qmp("pmemsave", val=0, size=MEMORY, filename=str(dump))
        shown = _pcrs(session.text)
    log = _log(dump.read_bytes())
    dump.unlink()
    if shown != expected:
        results.fail(name, f"the PCRs are {shown}, ./quoin verify --pcrs says {expected}")
        return
    results.ok(f"{name}: the PCRs are those that verify predicts")
    replayed, texts = measured.replay(log)
    if replayed == expected and len(texts) == 5:
        results.ok(f"{name}: the log in the root image replays to them")
    else:
        results.fail(f"{name}: log", f"it stands for {replayed}: {texts}")
    replayed = _tools_replay(log, work)
    if replayed == expected:
        results.ok(f"{name}: tpm2-tools replays it to them, too")
    else:
        results.fail(f"{name}: tpm2-tools", f"it says {replayed}")


def _boot_version(results, name, state, work, version, expected):
    """Boots the same files signed as a version, on a machine with that TPM."""
    payload = image.payload(image.root_image())
    iso = work / f"version-{version}.iso"
    if not iso.exists():
        image.make(iso, payload, version=version)
    machine = Machine(iso=iso, tpm="tis", tpm_state=state, memory="512M")
    with Session(machine) as session:
        result = session.wait({"up": STARTED, "refused": "^Nothing was started"}, 180)
        text = session.text
        lines = session.last_lines(15)
    if re.search(expected, text, re.MULTILINE):
        results.ok(name)
    else:
        results.fail(name, f"{expected!r} not seen, but {result}", lines)


def rollback(results, name, work):
    state = work / "tpm-state"
    define_index(state, work)
    for what, version, expected in (
            ("the first version starts", 7, STARTED),
            ("an older version is refused", 6,
             "^loader: REFUSED: manifest: list of files: it is older than what ran here before"),
            ("a newer version starts", 8, STARTED),
            ("then the first is refused", 7, "^loader: REFUSED: manifest: list of files"),
            ("the newer one still starts", 8, "no version below 8(.*\n)*quoin init: root task")):
        _boot_version(results, f"{name}: rollback: {what}", state, work, version, expected)


def _manufacture(state, work):
    """A TPM as its maker delivers it: with an endorsement certificate. Returns the authorities' own."""
    authority = work / "authority"
    authority.mkdir()
    state.mkdir()
    issuer = authority / "issuer.pem"
    (authority / "options").write_text("--platform-manufacturer Quoin\n--platform-version 1\n"
                                       "--platform-model test\n")
    (authority / "issuer.conf").write_text(
        f"statedir = {authority}\nsigningkey = {authority / 'key.pem'}\nissuercert = {issuer}\n"
        f"certserial = {authority / 'serial'}\n")
    (authority / "setup.conf").write_text(
        f"create_certs_tool = /usr/bin/swtpm_localca\n"
        f"create_certs_tool_config = {authority / 'issuer.conf'}\n"
        f"create_certs_tool_options = {authority / 'options'}\n")
    run(["swtpm_setup", "--tpm2", "--tpmstate", state, "--create-ek-cert", "--config",
         authority / "setup.conf"], "making a TPM with a certificate")
    root = authority / "swtpm-localca-rootca-cert.pem"
    bundle = work / "authorities.pem"
    bundle.write_bytes(issuer.read_bytes() + root.read_bytes())
    return bundle


def _another_authority(work):
    out = work / "another.pem"
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", work / "another.key",
         "-subj", "/CN=swtpm-localca", "-out", out], "making another authority")
    return out


def _secret_refused(verifier, iso, roots):
    """Whether examination finds that the machine does not run this ISO."""
    return any("it does not run" in line for line in attest.examine(verifier, iso, roots))


def attestation(results, name, slow):
    """./quoin attest against a running machine: what it runs, and a secret for it alone."""
    packages.ensure(["tpm", "tpm ca", "iso", "attest"])
    iso, roots = image.current(), trust.development().roots
    with tempfile.TemporaryDirectory(prefix="quoin-attest-") as temporary:
        work = Path(temporary)
        line, pin, secret = work / "com2", work / "pin", work / "secret"
        secret.write_bytes(b"the key of a disk")
        other = work / "other.iso"
        image.make(other, image.payload(image.root_image()), version=7)
        authorities = _manufacture(work / "tpm-state", work)
        com2 = ["-serial", f"unix:{line},server=on,wait=off"]
        for firmware, interface in (("bios", "tis"), ("uefi", "crb"))[:2 if slow else 1]:
            title = f"{name}: {firmware}, {interface}"
            pin.unlink(missing_ok=True)
            machine = Machine(iso=iso, firmware=firmware, tpm=interface, tpm_state=work / "tpm-state",
                              memory="512M", qemu_args=com2)
            with Session(machine) as session:
                if session.wait({"up": r"\d+ virtual machines?, \d+ MiB free|login:"}, 120) != "up":
                    results.fail(title, "it did not boot", session.last_lines())
                    continue
                _attest(results, title, line, iso, other, roots, pin, secret)
                _certificate(results, title, line, iso, roots, authorities,
                             _another_authority(work))
        machine = Machine(iso=iso, memory="512M", qemu_args=com2)
        with Session(machine) as session:
            if session.wait({"up": STARTED}, 180) != "up":
                results.fail(f"{name}: no TPM", "it did not boot", session.last_lines())
                return
            try:
                with attest.Verifier(line) as verifier:
                    results.fail(f"{name}: no TPM", f"an answer: {verifier.said}")
            except Problem as problem:
                if "has no TPM" in str(problem):
                    results.ok(f"{name}: a machine without a TPM says so")
                else:
                    results.fail(f"{name}: no TPM", str(problem))


def _attest(results, title, line, iso, other, roots, pin, secret):
    def expect(what, good, why):
        results.check(f"{title}: {what}", good, why)

    with attest.Verifier(line) as verifier:
        wrong = attest.examine(verifier, iso, roots, pin)
        expect("it runs the image", not wrong, wrong)
        expect("it does not run another version", _secret_refused(verifier, other, roots),
               "taken for it")
        expect("a processor with AES-NI has its session sealed with AES-256-GCM",
               verifier.cipher == "AES-256-GCM", verifier.cipher)
        said = verifier.ask("status")
        expect("a session", said.startswith("up for"), said)
        for request in (f"release disk-key {secret}", "console"):
            said = verifier.ask(request)
            expect(f"{request.split()[0]} is not for everybody", said == "refused: this is for the "
                   "verifier whom the image names", said)
        said = verifier.ask(f"release no/name {secret}")
        expect("a secret with a bad name", said == "not understood", said)
        first = dict(verifier.said)
        changed = first | {"qualifying": bytes(32)}
        values = [verifier.pcr(number) for number in attest.QUOTED]
        expect("a quote for another challenge is refused", "not for this challenge" in str(
            attest.quote_problem(changed, verifier.bank, values)), "taken")
        expect("other values are refused", "other values" in str(
            attest.quote_problem(first, verifier.bank, [bytes(32), *values[1:]])), "taken")
        for part, where in (("quote", 30), ("quote-signature", 40), ("tpm-key", 5)):
            data = bytearray(first[part])
            data[where] ^= 1
            expect(f"a bit of the {part}", attest.quote_problem(
                first | {part: bytes(data)}, verifier.bank, values) is not None, "taken")
    with attest.Verifier(line) as verifier:
        wrong = attest.examine(verifier, iso, roots, pin)
        expect("a second verifier: the same TPM and key, another quote",
               not wrong and verifier.said["key-digest"] == first["key-digest"] and
               verifier.said["quote"] != first["quote"], wrong)
        pin.write_text(pin.read_text().replace(first["tpm-key"].hex(), "00" * 64))
        wrong = attest.examine(verifier, iso, roots, pin)
        expect("another TPM than the one written down", "another TPM" in str(wrong), wrong)


def _certificate(results, title, line, iso, roots, authorities, others):
    """That the TPM is one that an authority vouches for, and the quote's key in that one."""
    def expect(what, good, why):
        results.check(f"{title}: {what}", good, why)

    with attest.Verifier(line) as verifier:
        wrong = attest.examine(verifier, iso, roots, authorities=authorities)
        expect("a certificate stands behind the quote's key", not wrong, wrong)
        wrong = attest.examine(verifier, iso, roots, authorities=others)
        expect("not one of another authority", "is not of those in" in str(wrong), wrong)
        key = bytearray(verifier.said["tpm-key"])
        key[40] ^= 1
        verifier.said["tpm-key"] = bytes(key)
        wrong = certified.problem(verifier, authorities)
        expect("not behind another key", "is not in the TPM" in str(wrong), wrong)


def tpm(results, name, slow):
    packages.ensure(["tpm"])
    iso = image.current()
    with tempfile.TemporaryDirectory(prefix="quoin-tpm-") as temporary:
        work = Path(temporary)
        try:
            rows = [("bios", "tis"), ("uefi", "crb")]
            if slow:
                rows += [("bios", "crb"), ("uefi", "tis")]
            for firmware, interface in rows:
                _measured_boot(results, f"{name}: {firmware}, {interface}", iso, work, firmware,
                               interface)
            rollback(results, name, work)
        except Problem as problem:
            results.fail(name, str(problem))
