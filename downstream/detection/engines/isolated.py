"""Run a foreign repository's script with the network and the shell refused: `python -I isolated.py SCRIPT ARGUMENTS`.

Runs in the repository's own environment, so it imports nothing but the standard library. YOLOv5 v7.0 asks a server
whether it is online, would fetch from its repository, install missing packages, and download weights, fonts and data
sets that it does not find. What it tries is refused by an audit hook, which Python code cannot take away again, and
said on standard error; the scripts take a refusal for "offline". No sandbox: it keeps well-meant code from reaching
out silently, not hostile code.
"""

import os
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

REFUSED = "refused while training offline"
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname")
_CONNECTIONS = ("socket.connect", "socket.sendto")
# every command of YOLOv5 v7.0 goes through a shell (pip, git, curl, gsutil); lists of words are asked by platform only
_PROGRAMS = ("sh", "bash", "dash", "cmd.exe", "curl", "wget", "pip", "pip3", "gsutil")
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "", None)


def attempt(event: str, args: tuple[Any, ...]) -> str:
    """What an audit event would reach for, '' where that is allowed. args: as in Python's table of audit events."""
    if event in _LOOKUPS:
        return "" if _host(args[0]) in _LOOPBACK else f"looking up {_host(args[0])}"
    if event in _CONNECTIONS:
        address = args[1]
        # a text or bytes is a socket file's path
        return "" if not isinstance(address, tuple) or _host(address[0]) in _LOOPBACK else f"reaching {address[0]}"
    if event == "os.system":
        return f"running {args[0]!r}"
    if event == "subprocess.Popen" and Path(_host(args[0]) or _host(args[1][0]) or "").name in _PROGRAMS:
        return f"running {args[1]!r}"
    return ""


def _host(value: Any) -> str | None:
    """A name that may come as text, bytes or path."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    tried = attempt(event, args)
    if tried:
        sys.stderr.write(f"{REFUSED}: {tried}\n")
        raise PermissionError(f"{REFUSED}: {tried}")


def _die_with_parent() -> None:
    """Wait for the end of standard input, which the caller holds open while it lives: two must never write one run."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(1)


if __name__ in ("__main__", "__mp_main__"):  # the latter: loaders' processes where they are not forked
    sys.addaudithook(_hook)
if __name__ == "__main__":
    threading.Thread(target=_die_with_parent, daemon=True).start()
    del sys.argv[0]
    sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))  # -I leaves the script's own folder out
    runpy.run_path(sys.argv[0], run_name="__main__")
