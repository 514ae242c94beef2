"""A foreign script reaches neither the network nor a shell, and ends with the process that started it."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from downstream.detection.engines import isolated

LAUNCHER = Path(isolated.__file__)


def start(folder, text, *arguments):
    script = folder / "script.py"
    script.write_text(text)
    return subprocess.Popen([sys.executable, "-I", str(LAUNCHER), str(script), *arguments], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder, text, *arguments):
    """(exit code, standard output, standard error) of a script whose caller lives on."""
    process = start(folder, text, *arguments)
    reader = process.stdout.read(), process.stderr.read()
    code = process.wait(timeout=60)
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    return code, *reader


@pytest.mark.parametrize(("attempt", "told"), [
    ("import socket; socket.create_connection(('host.invalid', 443), 5)", "looking up host.invalid"),
    ("import urllib.request; urllib.request.urlopen('http://host.invalid/x')", "looking up host.invalid"),
    ("import socket; socket.gethostbyname('host.invalid')", "looking up host.invalid"),
    ("import os; os.system('echo > ran')", "running"),
    ("import subprocess; subprocess.check_output('echo > ran', shell=True)", "running"),
    ("import subprocess; subprocess.run(['pip', 'install', 'x'])", "running"),
])
def test_what_reaches_out_is_refused_and_said(attempt, told, tmp_path):
    code, _, error = run(tmp_path, f"import os; os.chdir({str(tmp_path)!r})\n{attempt}\n")
    assert code and f"{isolated.REFUSED}: {told}" in error
    assert not (tmp_path / "ran").exists()


def test_a_refusal_counts_as_offline(tmp_path):
    """As YOLOv5's check_online asks; it must not end the training."""
    code, out, _ = run(tmp_path, "import socket\ntry:\n    socket.create_connection(('host.invalid', 443), 5)\n"
                                 "except OSError:\n    print('offline')\n")
    assert (code, out) == (0, "offline\n")


def test_what_a_training_needs_is_allowed(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = (f"import socket, subprocess, sys\nsocket.create_connection(('127.0.0.1', {port}), 5)\n"
                "print(subprocess.check_output([sys.executable, '-c', 'print(7)'], text=True), sys.argv[1:])\n"
                "import beside\n")
        (tmp_path / "beside.py").write_text("print('beside')")
        code, out, error = run(tmp_path, text, "--epochs", "3")
    assert (code, out.split("\n")) == (0, ["7", " ['--epochs', '3']", "beside", ""]), error


@pytest.mark.parametrize(("event", "args", "refused"), [
    ("socket.connect", (None, ("192.0.2.1", 443)), True), ("socket.connect", (None, ("::1", 443, 0, 0)), False),
    ("socket.connect", (None, "/run/socket"), False), ("socket.sendto", (None, ("192.0.2.1", 53)), True),
    ("socket.getaddrinfo", (b"host.invalid", 443, 0, 0, 0), True), ("socket.getaddrinfo", (None, 0, 0, 0, 0), False),
    ("subprocess.Popen", ("/bin/sh", ["/bin/sh", "-c", "x"], None, None), True),
    ("subprocess.Popen", (None, ["curl", "x"], None, None), True),
    ("subprocess.Popen", ("uname", ["uname", "-p"], None, None), False), ("open", ("x", "r", 0), False)])
def test_events(event, args, refused):
    assert bool(isolated.attempt(event, args)) == refused


def test_it_ends_with_its_caller(tmp_path):
    process = start(tmp_path, "import time\nprint('begun', flush=True)\ntime.sleep(120)\n")
    assert process.stdout.readline() == "begun\n"
    process.stdin.close()  # what the system does when the caller is killed
    assert process.wait(timeout=30) == 1
    process.stdout.close()
    process.stderr.close()
