# SPDX-License-Identifier: BSD-2-Clause
"""This terminal joined to a process, byte by byte. Ctrl-A X ends it, Ctrl-A Ctrl-A sends Ctrl-A."""

import contextlib
import os
import select
import sys
import termios
import tty

PREFIX = 0x01


@contextlib.contextmanager
def _raw(terminal):
    """A terminal that hands every key on at once; nothing where the input is none."""
    if not os.isatty(terminal):
        yield
        return
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


class _Keys:
    """What is typed, without the keys that are for us."""

    def __init__(self):
        self.prefixed, self.ended = False, False

    def take(self, data):
        out = bytearray()
        for byte in data:
            if self.prefixed:
                self.prefixed = False
                if byte in b"xX":
                    self.ended = True
                    break
                if byte != PREFIX:
                    out.append(PREFIX)
                out.append(byte)
            elif byte == PREFIX:
                self.prefixed = True
            else:
                out.append(byte)
        return bytes(out)


def join(process):
    """Until either side ends; 0 if it was this one. process: with pipes for input, output, errors."""
    keys = _Keys()
    own, to, back = sys.stdin.fileno(), process.stdin.fileno(), process.stdout.fileno()
    sys.stdout.flush()
    with _raw(own):
        while not keys.ended:
            ready, _, _ = select.select([own, back], [], [])
            if back in ready:
                data = os.read(back, 4096)
                if not data:
                    break
                os.write(sys.stdout.fileno(), data)
            if own in ready:
                data = os.read(own, 256)
                typed = keys.take(data)
                if typed:
                    os.write(to, typed)
                keys.ended = keys.ended or not data
    print()
    if keys.ended:
        return 0
    print(process.stderr.read().decode().strip(), file=sys.stderr)
    return 1
