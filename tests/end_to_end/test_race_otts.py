"""scripts/race-otts, in small."""

import json
import subprocess
import sys

import pytest

from tests.postgres import server_address


@pytest.mark.store
@pytest.mark.skipif(server_address() is None, reason="several servers share a PostgreSQL, never a file")
def test_of_many_verifies_of_each_token_over_two_servers_one_succeeds() -> None:
    address = server_address()
    assert address is not None
    command = [sys.executable, "-P", "-m", "radiusd.bench.race_otts", "--tokens", "10", "--no-ages", "--json"]
    done = subprocess.run(
        [*command, "--postgresql-url", address], capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["successes"] == {"1": 10}
    assert told["outcomes"] == {"valid": 10, "OTT_ALREADY_USED": 490}
    assert (told["game_sessions"], told["charges"], told["complaints"]) == (10, 10, [])
