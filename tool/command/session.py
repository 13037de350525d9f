# SPDX-License-Identifier: BSD-2-Clause
"""A running machine: its console as text, waiting for a pattern, a screenshot, and its end."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from . import machine as machines
from . import packages
from .ui import Problem

# Terminal control that GRUB, firmware and guests write between the words.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[=>78cM]|[\x00\x07\x0e\x0f]")


def plain(data):
    """Console bytes as text, without terminal control."""
    return _CONTROL.sub("", data.decode("utf-8", "replace")).replace("\r\n", "\n").replace("\r", "\n")


class Session:
    """Starts the machine on entry of a with block and stops it at its end."""

    def __init__(self, machine, yes=False, echo=None):
        self.machine = machine
        self.yes = yes
        self.echo = echo  # called with each piece of console output, as bytes
        self.data = bytearray()
        self.changed = threading.Condition()
        self.process = None
        self.tpm = None

    def __enter__(self):
        uses = ["bochs"] if self.machine.bochs else ["qemu"]
        packages.ensure(uses + (["tpm"] if self.machine.tpm else []), self.yes)
        self.work = Path(tempfile.mkdtemp(prefix="quoin-run-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        if self.machine.bochs:
            serial = self.work / "serial"
            serial.touch()
            command = machines.bochs(self.machine, self.work, serial)
            reader, output = self._read_file, subprocess.DEVNULL
        else:
            command = machines.qemu(self.machine, self.work, "stdio")
            reader, output = self._read_pipe, subprocess.PIPE
        if self.machine.tpm:
            self.tpm = subprocess.Popen(machines.swtpm(self.machine, self.work))
            self._await_file(self.work / "tpm", "swtpm")
        self.errors = open(self.work / "errors", "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output,
                                        stderr=self.errors, start_new_session=True)
        self.reader = threading.Thread(target=reader, daemon=True)
        self.reader.start()

    @staticmethod
    def _await_file(path, what):
        for _ in range(100):
            if path.exists():
                return
            time.sleep(0.05)
        raise Problem(f"{what} did not start")

    def _append(self, piece):
        if self.echo is not None:
            self.echo(piece)
        with self.changed:
            self.data += piece
            self.changed.notify_all()

    def _read_pipe(self):
        while True:
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                break
            self._append(piece)
        with self.changed:
            self.changed.notify_all()

    def _read_file(self):
        with open(self.work / "serial", "rb") as file:
            while True:
                ended = self.process.poll() is not None
                piece = file.read()
                if piece:
                    self._append(piece)
                elif ended:
                    break
                else:
                    time.sleep(0.1)
        with self.changed:
            self.changed.notify_all()

    def send(self, data):
        """Types bytes on the serial console (QEMU only)."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    @property
    def text(self):
        with self.changed:
            return plain(bytes(self.data))

    def wait(self, patterns, timeout):
        """Waits for the first of patterns (name -> regex) on the console. Returns its name, or
        "timeout", or "exit" when the machine ended without any."""
        compiled = {name: re.compile(pattern, re.MULTILINE) for name, pattern in patterns.items()}
        deadline = time.monotonic() + timeout
        seen = -1
        while True:
            with self.changed:
                # A reader that is through has delivered everything the machine wrote.
                over = not self.reader.is_alive()
                if len(self.data) == seen and not over:
                    self.changed.wait(max(0.0, min(0.5, deadline - time.monotonic())))
                seen = len(self.data)
                text = plain(bytes(self.data))
            found = {name: match.start() for name, match in
                     ((name, regex.search(text)) for name, regex in compiled.items()) if match}
            if found:
                return min(found, key=found.get)
            if over:
                return "exit"
            if time.monotonic() >= deadline:
                return "timeout"

    def last_lines(self, count=30):
        lines = self.text.splitlines()[-count:]
        self.errors.flush()
        errors = (self.work / "errors").read_text(errors="replace").splitlines()
        # QEMU says at each start which of the processor's features it does not have.
        errors = [line for line in errors if line.strip() and "TCG doesn't support" not in line]
        return lines + errors[-5:]

    def qmp(self, command, **arguments):
        """One command to QEMU's monitor; returns its answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.work / "qmp"))
            stream = connection.makefile("rw", encoding="utf-8")
            stream.readline()
            for request in ({"execute": "qmp_capabilities"},
                            {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                answer = {}
                while "return" not in answer and "error" not in answer:
                    line = stream.readline()
                    if not line:
                        raise Problem(f"the emulator closed its monitor during {command}")
                    answer = json.loads(line)
                if "error" in answer:
                    raise Problem(f"{command}: {answer['error'].get('desc', 'refused')}")
            return answer["return"]

    def screenshot(self, path):
        if self.machine.bochs:
            raise Problem("--screenshot works in QEMU only, not with --cpu intel in Bochs")
        self.qmp("screendump", filename=str(Path(path).resolve()), format="png")

    def __exit__(self, kind, value, trace):
        for process in (self.process, self.tpm):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self.process is not None:
            self.process.stdin.close()
            self.reader.join(5)
            self.errors.close()
        shutil.rmtree(self.work, ignore_errors=True)
        return False
