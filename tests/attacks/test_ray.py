"""A Ray that is started here is closed: only the loopback address, and nothing without its token."""

import os
import socket
import subprocess
import sys
import textwrap

import pytest
from suite_scenes import ROOT

DRIVER = """
    import sys
    from suite.executors.ray import connected
    with connected(None, 1) as ray:
        print(ray.get_runtime_context().gcs_address, flush=True)
        sys.stdin.readline()
"""
INTRUDER = """
    import os, sys, ray
    ray.init(address=sys.argv[1], log_to_driver=False)
    ray.get(ray.remote(num_cpus=0)(os.mkdir).remote(sys.argv[2]), timeout=30)
"""


def script(text, *arguments, **more):
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)], cwd=ROOT, text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**variables, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0", **more})


@pytest.mark.long
@pytest.mark.parametrize("before", ["", "import ray"])  # a program may have imported Ray long before it starts a run
def test_a_second_process_runs_nothing(before, tmp_path):
    pytest.importorskip("ray")
    driver = script(f"{before}\n{textwrap.dedent(DRIVER)}")
    try:
        address = driver.stdout.readline().strip()
        host, _, port = address.rpartition(":")
        assert host == "127.0.0.1", address + driver.stderr.read()
        with socket.create_connection((host, int(port)), timeout=5):
            pass  # it listens here ...
        for other in {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {host}:
            if not other.startswith("127."):
                with pytest.raises(OSError):  # ... and not on the machine's outer address
                    socket.create_connection((other, int(port)), timeout=5).close()
        near = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # or Ray would look for it at the outer address
        intruder = script(INTRUDER, address, tmp_path / "ran", **near)
        guess = script(INTRUDER, address, tmp_path / "ran", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64, **near)
        for process in (intruder, guess):
            _, told = process.communicate(timeout=120)
            assert process.returncode != 0 and "oken" in told, told
        assert not (tmp_path / "ran").exists()
    finally:
        driver.communicate("\n", timeout=60)
    assert driver.returncode == 0
