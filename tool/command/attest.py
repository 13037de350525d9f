# SPDX-License-Identifier: BSD-2-Clause
"""./quoin attest: what a machine runs, by its TPM's word (doc/formats.md, "Attestation"); and a secret
for it, which is released only if that is what it should run."""

import hashlib
import json
import struct
import subprocess
import tempfile
from pathlib import Path

from . import build, certified, image, measured, packages, terminal, trust
from .ui import Problem, say

BANKS = {number: name for name, number in measured.BANKS.items()}
QUOTED = range(16)
CIPHERS = {0x0401: "ChaCha20-Poly1305", 0x0402: "AES-256-GCM"}
OURS = (measured.MANIFEST, measured.FILES, measured.CHOICE)
FIRMWARE = range(8)

# TPM 2.0 Library, part 2: TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE, TPM_ALG_SHA256.
_MAGIC, _QUOTE = 0xFF544347, 0x8018
# SubjectPublicKeyInfo of a point on P-256 (RFC 5480), up to the coordinates.
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")


class Verifier:
    """A running quoin-attest: what the machine said, and a session with it."""

    def __init__(self, line):
        self.process = subprocess.Popen([build.artifact("tool/attest/quoin-attest"), line],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0)
        self.said = {}
        while True:
            name, value = self._line().split()
            if name == "session":
                break
            self.said[name] = bytes.fromhex(value)

    def _line(self):
        """The next line that it says, and nothing of what follows it."""
        line = self.process.stdout.readline().decode(errors="replace").strip()
        if not line:
            raise Problem(self.process.stderr.read().decode().strip().replace("quoin-attest: ", ""))
        return line

    def ask(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        return self._line()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close()
        return False

    @property
    def bank(self):
        return BANKS[int.from_bytes(self.said["bank"], "big")]

    @property
    def cipher(self):
        return CIPHERS[int.from_bytes(self.said["aead"], "big")]

    def pcr(self, number):
        return self.said[f"pcr-{number}"][:hashlib.new(self.bank).digest_size]


def _integer(raw):
    raw = raw.lstrip(b"\0") or b"\0"
    raw = b"\0" + raw if raw[0] & 0x80 else raw
    return b"\x02" + bytes([len(raw)]) + raw


def signature_good(key, quote, signature):
    """ECDSA with SHA-256 on P-256, by OpenSSL."""
    body = _integer(signature[:32]) + _integer(signature[32:])
    with tempfile.TemporaryDirectory(prefix="quoin-quote-") as temporary:
        work = Path(temporary)
        (work / "key").write_bytes(_P256 + key)
        (work / "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
        (work / "quote").write_bytes(quote)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify",
                               work / "key", "-signature", work / "signature", work / "quote"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def quote_problem(said, bank, values):
    """Why the quote does not say that these are the PCRs (values: all that are quoted, in order), or
    None. TPMS_ATTEST: TPM 2.0 Library, part 2, section 10.12.12."""
    if not signature_good(said["tpm-key"], said["quote"], said["quote-signature"]):
        return "the TPM's signature does not verify"
    try:
        return _attest_problem(said["quote"], said["qualifying"], bank, values)
    except (struct.error, IndexError):
        return "the quote is cut short"


def _attest_problem(quote, qualifying, bank, values):
    at = 0

    def take(form):
        nonlocal at
        found = struct.unpack_from(">" + form, quote, at)
        at += struct.calcsize(">" + form)
        return found

    def sized():
        size, = take("H")
        return take(f"{size}s")[0]

    if take("IH") != (_MAGIC, _QUOTE):
        return "it is no quote"
    sized()  # the signer's name
    if sized() != qualifying:
        return "the quote is not for this challenge and this key"
    take("17s8s")  # clock, firmware version
    selection = take("IHB3s")
    wanted = sum(1 << number for number in QUOTED).to_bytes(3, "little")
    if selection != (1, measured.BANKS[bank], 3, wanted):
        return "the quote is of other PCRs"
    if sized() != hashlib.sha256(b"".join(values)).digest() or at != len(quote):
        return "the quote is of other values than the machine tells"
    return None


def running(verifier, iso, roots):
    """The menu entry of the ISO that leads to the machine's PCRs, or None."""
    for entry, banks in measured.predicted(iso, roots).items():
        if all(verifier.pcr(number) == banks[verifier.bank][number] for number in OURS):
            return entry
    return None


def _pin_problem(verifier, path):
    """Whether the TPM and what firmware measured are those of the first time: they are written down
    then."""
    now = {"tpm-key": verifier.said["tpm-key"].hex(),
           "firmware": [verifier.pcr(number).hex() for number in FIRMWARE]}
    if not path.exists():
        path.write_text(json.dumps(now, indent=1) + "\n")
        say(f"written down in {path}: this TPM and what its firmware measured")
        return None
    then = json.loads(path.read_text())
    if then["tpm-key"] != now["tpm-key"]:
        return f"another TPM than the one in {path}"
    if then["firmware"] != now["firmware"]:
        return f"firmware or boot loader differ from those in {path}"
    return None


def _policy_problem(verifier, iso, entry, debug):
    """Why this is not what the machine should run, or None. It should run the ISO's release kernel;
    with debug, any of its menu entries."""
    if entry is None:
        return f"it does not run {iso.name}: see ./quoin verify --pcrs"
    if not measured.is_release(entry) and not debug:
        return (f"it runs {iso.name}, but by its menu entry {entry}, which is not the release kernel: "
                "--allow-debug-kernel takes it")
    return None


def examine(verifier, iso, roots, pin=None, authorities=None, debug=False):
    """What is wrong, in lines; none when the machine runs the ISO's release kernel (with debug: any of
    its kernels). Says what it found."""
    values = [verifier.pcr(number) for number in QUOTED]
    problem = quote_problem(verifier.said, verifier.bank, values)
    if problem:
        return [problem]
    fingerprint = hashlib.sha256(verifier.said["tpm-key"]).hexdigest()
    say(f"quote of TPM {fingerprint[:16]}, ECDSA P-256: good, and of this moment")
    say(f"machine's key {verifier.said['key-digest'].hex()[:16]}, ML-DSA-87: signed the answer, and "
        "the TPM stands behind it")
    for number in OURS:
        say(f"PCR {number} {verifier.bank} {verifier.pcr(number).hex()}")
    wrong = []
    entry = running(verifier, iso, roots)
    problem = _policy_problem(verifier, iso, entry, debug)
    if problem is None:
        say(f"it runs {iso.name}, menu entry {entry}")
    else:
        wrong.append(problem)
    if authorities is not None:
        problem = certified.problem(verifier, authorities)
        wrong += [problem] if problem else []
        if problem is None:
            say(f"the TPM is one of those that {authorities.name} vouches for, and the quote's key is in it")
    if pin is not None:
        problem = _pin_problem(verifier, pin)
        wrong += [problem] if problem else []
    return wrong


def command(options):
    build.build(yes=options.yes, targets=image.TARGETS)
    packages.ensure(["iso", "attest"], options.yes)
    iso = options.iso or image.current(options.yes)
    roots = options.roots or trust.chosen(options).roots
    keys = trust.chosen(options) if options.release or options.console else None
    return check(options.line, iso, roots, options.pin, options.release, keys, options.console,
                 options.ca, options.allow_debug_kernel)


def check(line, iso, roots, pin=None, secrets=(), keys=None, console=False, authorities=None,
          debug=False):
    """The command: 0 if the machine runs the ISO's release kernel (with debug: any), and then it has
    got the secrets (NAME=FILE), and has given its console. keys: those with which the verifier shows
    who he is."""
    with Verifier(line) as verifier:
        wrong = examine(verifier, iso, roots, pin, authorities, debug)
        for text in wrong:
            say(f"WRONG: {text}")
        if wrong:
            return 1
        say(f"in a sealed session (ML-KEM-1024, {verifier.cipher}): {verifier.ask('status')}")
        if keys is not None:
            prove(verifier, keys)
        result = _release(verifier, secrets)
        return _console(verifier) if console and result == 0 else result


def prove(verifier, keys):
    """Shows the machine that this is the verifier whom its image names."""
    if not keys.verifier:
        raise Problem(f"{keys.folder} holds no verifier's key: ./quoin keys verifier {keys.folder}")
    with tempfile.TemporaryDirectory(prefix="quoin-proof-") as temporary:
        proof = Path(temporary) / "proof"
        keys.sign_tool("prove", keys.folder, verifier.said["transcript"].hex(), proof)
        reply = verifier.ask(f"prove {proof}")
    if reply != "known":
        raise Problem(f"the machine says: {reply}")


def _console(verifier):
    """The machine's console on this terminal, until Ctrl-A X or the end of the input."""
    reply = verifier.ask("console")
    if reply != "console":
        raise Problem(f"the machine says: {reply}")
    say("the machine's console; Ctrl-A X ends it")
    return terminal.join(verifier.process)


def _release(verifier, secrets):
    """Releases secrets (NAME=FILE); the machine said what became of each."""
    wrong = 0
    for secret in secrets:
        name, equals, file = secret.partition("=")
        if not equals or not Path(file).is_file():
            raise Problem(f"--release {secret}: give NAME=FILE")
        reply = verifier.ask(f"release {name} {Path(file).resolve()}")
        say(f"{name}: {reply}")
        wrong += reply.startswith(("refused", "not understood"))
    return 1 if wrong else 0
