# SPDX-License-Identifier: BSD-2-Clause
"""The command's own judgement: what it reads off a console and when it calls a test failed."""

import contextlib
import io
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tool"))

import tap  # noqa: E402
from command import emulatortests, hosttests, machine, session, ui  # noqa: E402
from command.results import Results  # noqa: E402


def refused(function, *arguments):
    try:
        function(*arguments)
    except ui.Problem:
        return True
    return False


def silent(function, *arguments):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments)


def totals(results):
    return results.passed, results.failed, results.skipped


def test_memory():
    assert machine.parse_memory("4G") == 4096
    assert machine.parse_memory("512m") == 512
    for bad in ("", "G", "4T", "-1M", "0G", "1.5G"):
        assert refused(machine.parse_memory, bad), bad


def test_terminal_control_is_dropped():
    raw = b"\x1b[2J\x1b[01;01H\x1b[0m  Booting\r\nquoin \x1b[1minit\x1b[0m: up\r\n"
    assert session.plain(raw) == "  Booting\nquoin init: up\n"


def test_counting_agrees():
    console = "test a ... ok\ntest b ... skip one core\nkernel tests: 1 passed, 0 failed\n"
    results = Results()
    silent(emulatortests.count, results, "row", console)
    assert totals(results) == (1, 0, 1)


def test_kernel_lines_inside():
    console = "test a ... kernel: thread \"\" has no fault handler\nok\nkernel tests: 1 passed, 0 failed\n"
    results = Results()
    silent(emulatortests.count, results, "row", console)
    assert totals(results) == (1, 0, 0)


def test_reported_failure_counts():
    console = "test a ... ok\ntest b ... FAIL x.c:3 no\nkernel tests: 1 passed, 1 failed\n"
    results = Results()
    silent(emulatortests.count, results, "row", console)
    assert totals(results) == (1, 1, 0)
    assert "x.c:3 no" in results.failures[0]


def test_lost_line_is_a_failure():
    results = Results()
    silent(emulatortests.count, results, "row", "test a ... ok\nkernel tests: 2 passed, 0 failed\n")
    assert totals(results) == (1, 1, 0)


def test_no_tests_is_a_failure():
    results = Results()
    silent(emulatortests.count, results, "row", "kernel tests: 0 passed, 0 failed\n")
    assert totals(results) == (0, 1, 0)


def record(**values):
    return {"name": "quoin:unit / x", "result": "OK", "stdout": "", "stderr": "", "returncode": 0,
            "duration": 0.1, **values}


def test_tap_cases_count():
    results = Results()
    silent(hosttests.count, results, record(stdout="1..2\nok 1 - a\nok 2 - b\n"))
    assert totals(results) == (2, 0, 0)


def test_failed_tap_case():
    results = Results()
    silent(hosttests.count, results,
           record(result="FAIL", returncode=1, stdout="1..2\nok 1 - a\nnot ok 2 - b\n"))
    assert totals(results) == (1, 1, 0)


def test_crash_after_good_cases():
    results = Results()
    silent(hosttests.count, results,
           record(result="FAIL", returncode=-11, stdout="1..9\nok 1 - a\n"))
    assert totals(results) == (1, 1, 0)


def test_truncated_plan():
    results = Results()
    silent(hosttests.count, results, record(stdout="1..3\nok 1 - a\n"))
    assert results.failed == 1


def test_nothing_selected_fails():
    assert silent(Results().close) == 1


def test_limits():
    results = Results()
    console = "bench call 202 0\nbench send 900 3\nbench done\n"
    silent(emulatortests.check_limits, results, "row", console, {"call": 203, "send": 900, "irq": 5})
    assert (results.passed, results.failed) == (1, 2)


def test_table_is_checked():
    good = emulatortests.TABLE
    bad_rows = ['name = "x"\nkind = "kernel"', 'name = "x"\nkind = "odd"\nexpect = "y"',
                'kind = "kernel"\nexpect = "y"', 'name = "x"\nkind = "vm"\nexpect = "y"\nspeed = 1']
    try:
        assert emulatortests.rows()
        for row in bad_rows:
            with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write("[[test]]\n" + row + "\n")
                file.flush()
                emulatortests.TABLE = Path(file.name)
                assert refused(emulatortests.rows), row
    finally:
        emulatortests.TABLE = good


tap.run(globals())
