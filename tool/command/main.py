# SPDX-License-Identifier: BSD-2-Clause
"""The command line, as the manual describes it."""

import argparse
import signal
import sys
from pathlib import Path

from . import attest, bench, build, image, run, test, trust
from .machine import nested_kvm
from .ui import Problem, say


def _machine_options(parser):
    parser.add_argument("--firmware", choices=["bios", "uefi"], default="bios")
    parser.add_argument("--cpu", choices=["amd", "intel"], default=nested_kvm() or "amd",
                        help="intel runs in Bochs where the host offers no nested VT-x; default: "
                             "what the host can run fastest")
    parser.add_argument("--smp", type=int, default=1, metavar="N", help="processors, 1 to 16")
    parser.add_argument("--memory", default="2G", metavar="SIZE", help="such as 512M or 4G")
    parser.add_argument("--disk", action="append", default=[], metavar="[virtio:|sata:|nvme:]FILE")
    parser.add_argument("--usb", action="append", default=[], metavar="FILE")
    parser.add_argument("--cdrom", action="append", default=[], metavar="FILE")
    parser.add_argument("--net", choices=["virtio", "e1000e", "none"],
                        help="network card on QEMU's user network; default: virtio, none in Bochs")
    parser.add_argument("--tpm", nargs="?", const="tis", choices=["tis", "crb"],
                        help="with an emulated TPM 2.0 of this interface; default: tis")
    parser.add_argument("--entry", metavar="TITLE", help="the menu entry to boot")
    parser.add_argument("--qemu-arg", action="append", default=[], metavar="ARG",
                        help="handed to QEMU as it is; repeat it for each word")


def _key_options(parser):
    parser.add_argument("--keys", type=Path, metavar="DIR",
                        help="sign with these keys instead of the development keys")
    parser.add_argument("--passphrase-file", type=Path, metavar="FILE",
                        help="instead of asking for the keys' passphrase")


def _parser():
    parser = argparse.ArgumentParser(prog="quoin", description=__doc__)
    # -y is understood before and after the subcommand.
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-y", "--yes", action="store_true",
                        help="install missing packages without asking")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    sub = commands.add_parser("build", parents=[common], help="build everything")
    sub.add_argument("--clang", action="store_true", help="with clang, in build-clang")

    sub = commands.add_parser("iso", parents=[common], help="make the boot image")
    sub.add_argument("--out", type=Path, metavar="FILE", help="default: build/quoin.iso")
    sub.add_argument("--disk", type=Path, metavar="FILE",
                     help="also write the image of an installed disk")
    sub.add_argument("--version", type=int, metavar="N",
                     help="version in the signed manifest; default: the newest commit's time")
    _key_options(sub)

    sub = commands.add_parser("run", parents=[common], help="boot the image in an emulator")
    _machine_options(sub)
    sub.add_argument("--iso", metavar="FILE", help="boot this image instead of the tree's")
    _key_options(sub)
    sub.add_argument("--headless", action="store_true", help="no window, no input")
    sub.add_argument("--expect", metavar="REGEX", help="end with 0 when this is on the console")
    sub.add_argument("--timeout", type=float, default=120, metavar="S")
    sub.add_argument("--screenshot", metavar="FILE.png", help="taken when it ends")
    sub.add_argument("-v", "--verbose", action="store_true", help="show the console meanwhile")

    sub = commands.add_parser("test", parents=[common], help="run the tests")
    sub.add_argument("kind", nargs="?", choices=[*test.KINDS, "all"],
                     help="default: all but those marked slow")
    sub.add_argument("-k", dest="name", metavar="NAME", help="only tests whose name matches")
    sub.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                     help="a variable that rows of test/emulator.toml set, such as stress_seed")

    sub = commands.add_parser("bench", parents=[common], help="count instructions")
    sub.add_argument("name", nargs="?", metavar="NAME", help=", ".join(sorted(bench.BENCHES)))
    sub.add_argument("--json", action="store_true")

    sub = commands.add_parser("keys", parents=[common], help="make or replace signing keys")
    sub.add_argument("action", choices=["new", "rotate", "verifier"],
                     help="new: root and release keys; rotate: new release keys, the old ones are "
                          "revoked; verifier: a key for ./quoin attest, which images made with these keys "
                          "name")
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("--passphrase-file", type=Path, metavar="FILE")

    sub = commands.add_parser("sign", parents=[common], help="sign an image's files anew")
    sub.add_argument("iso", type=Path, metavar="ISO")
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")
    sub.add_argument("--version", type=int, metavar="N")
    _key_options(sub)

    sub = commands.add_parser("verify", parents=[common], help="check an image's signatures")
    sub.add_argument("iso", type=Path, metavar="ISO")
    sub.add_argument("--roots", type=Path, metavar="FILE",
                     help="public root keys; default: those of --keys or of development")
    sub.add_argument("--pcrs", action="store_true",
                     help="show the PCR values that a TPM has after each menu entry")
    sub.add_argument("--bytes", action="store_true",
                     help="show what each byte of the image is for, and who checks it")
    _key_options(sub)

    sub = commands.add_parser("attest", parents=[common], help="check what a machine runs")
    sub.add_argument("line", metavar="LINE",
                     help="to the machine's second serial port: a device, or an emulator's socket")
    sub.add_argument("--iso", type=Path, metavar="ISO",
                     help="what it should run; default: the tree's image")
    sub.add_argument("--roots", type=Path, metavar="FILE",
                     help="public root keys; default: those of --keys or of development")
    sub.add_argument("--pin", type=Path, metavar="FILE",
                     help="demand the TPM and the firmware that are written down there; the first "
                          "time they are")
    sub.add_argument("--ca", type=Path, metavar="FILE",
                     help="demand a TPM with an endorsement certificate of these authorities (PEM)")
    sub.add_argument("--allow-debug-kernel", action="store_true",
                     help="take a machine that runs the image's debug kernel for good, too")
    sub.add_argument("--release", action="append", default=[], metavar="NAME=FILE",
                     help="a secret for the virtual machine that names it, if the machine runs what it "
                          "should; repeat it for more")
    sub.add_argument("--console", action="store_true",
                     help="the machine's console, if it runs what it should; Ctrl-A X ends it")
    _key_options(sub)

    sub = commands.add_parser("debug", parents=[common], help="QEMU stopped, with gdb")
    _machine_options(sub)
    sub.add_argument("--root", default="init/init.elf", metavar="ELF",
                     help="root task, as the build names it")
    sub.add_argument("--gdb-arg", action="append", default=[], metavar="ARG")
    return parser


def _build(options):
    warnings = build.build("clang" if options.clang else "gcc", options.yes)
    for line in warnings:
        say(line)
    build.report_sizes()
    return 0


def _iso(options):
    build.build(yes=options.yes, targets=image.TARGETS)
    keys = trust.chosen(options)
    if options.out is None and options.version is None:
        out = image.current(options.yes, keys)
        say(str(out))
    else:
        out = (options.out or build.directory() / "quoin.iso").resolve()
        image.make(out, image.payload(image.root_image(options.yes, keys=keys)), keys, options.version)
    if options.disk is not None:
        image.install(options.disk.resolve(), out)
    return 0


def _end(number, frame):
    sys.exit(128 + number)


def main(arguments):
    # Leave by the way of every with block, so that no emulator stays behind.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGHUP, _end)
    options = _parser().parse_args(arguments)
    actions = {"build": _build, "iso": _iso, "run": run.run, "debug": run.debug,
               "test": test.test, "bench": bench.bench, "keys": trust.command_keys,
               "sign": trust.command_sign, "verify": trust.command_verify,
               "attest": attest.command}
    try:
        return actions[options.command](options)
    except Problem as problem:
        sys.stdout.flush()
        print(f"quoin: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
