# SPDX-License-Identifier: BSD-2-Clause
"""Whose TPM a machine has: the maker's certificate of its endorsement key, and the proof that the key
which signs the quotes is in the same TPM (TPM 2.0 Library, part 1, section 24)."""

import hashlib
import hmac
import os
import struct
import tempfile
from pathlib import Path

from .ui import Problem, run

# TPM 2.0 Library, part 2: the template of the key that signs quotes (lib/tpm/tpm_quote.c): ECC,
# SHA-256; fixed to the TPM and made in it, restricted, signs; ECDSA with SHA-256 on P-256.
_ECC, _SHA256, _ATTRIBUTES = 0x23, 0x0B, 0x50472
_NULL, _ECDSA, _P256 = 0x10, 0x18, 3
_LABEL = b"IDENTITY\0"


def key_name(point):
    """The name by which a TPM knows the signing key with this point, if it has just that template."""
    public = struct.pack(">HHIHHHHHH", _ECC, _SHA256, _ATTRIBUTES, 0, _NULL, _ECDSA, _SHA256, _P256,
                         _NULL)
    for half in (point[:32], point[32:]):
        public += struct.pack(">H", 32) + half
    return struct.pack(">H", _SHA256) + hashlib.sha256(public).digest()


def _kdfa(key, label, context, bits):
    """Part 1, section 11.4.10.2, for at most one block of SHA-256."""
    text = struct.pack(">I", 1) + label + b"\0" + context + struct.pack(">I", bits)
    return hmac.new(key, text, hashlib.sha256).digest()[:bits // 8]


def make_credential(key_file, name, credential, work):
    """TPM2_MakeCredential on this host: what only a TPM opens that has both the RSA key in key_file
    (PEM) and a key of that name."""
    seed = os.urandom(32)
    files = {what: work / what for what in ("seed", "sealed", "plain", "cipher")}
    files["seed"].write_bytes(seed)
    run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", key_file, "-in", files["seed"],
         "-out", files["sealed"], "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt",
         "rsa_oaep_md:sha256", "-pkeyopt", f"rsa_oaep_label:{_LABEL.hex()}"],
        "encrypting to the endorsement key")
    files["plain"].write_bytes(struct.pack(">H", len(credential)) + credential)
    run(["openssl", "enc", "-aes-128-cfb", "-K", _kdfa(seed, b"STORAGE", name, 128).hex(), "-iv",
         bytes(16).hex(), "-in", files["plain"], "-out", files["cipher"]], "encrypting")
    identity = files["cipher"].read_bytes()
    outer = hmac.new(_kdfa(seed, b"INTEGRITY", b"", 256), identity + name, hashlib.sha256).digest()
    inner = struct.pack(">H", len(outer)) + outer + identity
    sealed = files["sealed"].read_bytes()
    return struct.pack(">H", len(inner)) + inner + struct.pack(">H", len(sealed)) + sealed


def _der(data):
    """A certificate without what stands behind it in the TPM's index."""
    if len(data) < 4 or data[:2] != b"\x30\x82":
        raise Problem("the TPM's certificate is none")
    return data[:4 + int.from_bytes(data[2:4], "big")]


def problem(verifier, authorities):
    """Why no certificate of the authorities (a file in PEM, with all that lie between) stands behind
    the key that signs this machine's quotes; or None."""
    word, _, digits = verifier.ask("certificate").partition(" ")
    if word != "certificate":
        return "the TPM has no certificate of its maker's"
    with tempfile.TemporaryDirectory(prefix="quoin-certificate-") as temporary:
        work = Path(temporary)
        try:
            (work / "der").write_bytes(_der(bytes.fromhex(digits)))
            run(["openssl", "x509", "-inform", "DER", "-in", work / "der", "-out", work / "pem"],
                "reading the TPM's certificate")
            run(["openssl", "verify", "-CAfile", authorities, work / "pem"],
                "checking the TPM's certificate")
        except Problem:
            return f"the TPM's certificate is not of those in {authorities}"
        run(["openssl", "x509", "-in", work / "pem", "-noout", "-pubkey", "-out", work / "key"],
            "reading the endorsement key")
        credential = os.urandom(32)
        blob = work / "blob"
        blob.write_bytes(make_credential(work / "key", key_name(verifier.said["tpm-key"]), credential,
                                         work))
        said = verifier.ask(f"activate {blob}")
    if said != f"credential {credential.hex()}":
        return "the key that signs the quotes is not in the TPM that the certificate is of"
    return None
