"""The whole flow as lines for a shell, from the launcher's start to the end of play."""

import shlex
from pathlib import Path
from string import Template

from radiusd.virtual_playwave.paths import GAME, LAUNCHER
from radiusd.virtual_playwave.settings import Settings

# Secrets stay in the settings' file: they are neither printed here nor an argument of a program, which other users of
# a machine can see. `-H @-` has curl read a header from its standard input.
_LINES = Template("""\
SETTINGS=$settings
SERVER=$server
setting() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$$SETTINGS" "$$1"; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][sys.argv[1]])' "$$1"; }
sign() { python3 -c '
import hashlib, hmac, json, sys
settings, *lines, body = sys.argv[1:]
lines.append(hashlib.sha256(body.encode()).hexdigest())
secret = json.load(open(settings))["launcher_secret"]
print(hmac.new(secret.encode(), "\\n".join(lines).encode(), hashlib.sha256).hexdigest())' "$$SETTINGS" "$$@"; }

# 1. The launcher on the PC starts, signed.
BODY='{"internal_ip":"192.168.0.7","hardware":{"hardware_id":"hw-7","mac":"02:50:43:00:00:07","hostname":"PC-007","os":"Windows 11"},"launcher_version":"1.0.0"}'
TIMESTAMP=$$(date +%s)
NONCE=$$(python3 -c 'import secrets; print(secrets.token_hex(16))')
SIGNATURE=$$(sign POST $start "$$TIMESTAMP" "$$NONCE" "$$BODY")
STARTED=$$(curl -sS -X POST "$$SERVER$start" -H 'Content-Type: application/json' -H "X-Launcher-Id: $$(setting launcher_id)" -H "X-Timestamp: $$TIMESTAMP" -H "X-Nonce: $$NONCE" -H "X-Signature: $$SIGNATURE" --data-raw "$$BODY")
TOKEN=$$(printf '%s' "$$STARTED" | field session_token)

# 2. The guest picks a game: a one-time token, good for 60 s.
GAME=$$(setting game_id)
ISSUED=$$(printf 'Authorization: Bearer %s\\n' "$$TOKEN" | curl -sS -X POST "$$SERVER$ott" -H @- -H 'Content-Type: application/json' --data-raw "{\\"game_id\\":\\"$$GAME\\"}")
OTT=$$(printf '%s' "$$ISSUED" | field ott)

# 3. The game server verifies it: from here the café is charged.
VERIFIED=$$(printf 'X-Api-Key: %s\\n' "$$(setting api_key)" | curl -sS -X POST "$$SERVER$verify" -H @- -H 'Content-Type: application/json' --data-raw "{\\"ott\\":\\"$$OTT\\",\\"provider_user_id\\":\\"1234567\\"}")
printf '%s\\n' "$$VERIFIED"
SESSION=$$(printf '%s' "$$VERIFIED" | field game_session_id)

# 4. Every 120 s, from the game server and from the launcher.
printf 'X-Api-Key: %s\\n' "$$(setting api_key)" | curl -sS -w '\\n' -X PATCH "$$SERVER$heartbeat" -H @- -H 'Content-Type: application/json' --data-raw "{\\"game_session_id\\":\\"$$SESSION\\",\\"provider_user_id\\":\\"1234567\\"}"
printf 'Authorization: Bearer %s\\n' "$$TOKEN" | curl -sS -w '\\n' -X PATCH "$$SERVER$alive" -H @- -H 'Content-Type: application/json'

# 5. The player leaves: a DELETE with a body. Then the launcher closes.
printf 'X-Api-Key: %s\\n' "$$(setting api_key)" | curl -sS -w '\\n' -X DELETE "$$SERVER$end" -H @- -H 'Content-Type: application/json' --data-raw "{\\"game_session_id\\":\\"$$SESSION\\",\\"play_duration_sec\\":1}"
printf 'Authorization: Bearer %s\\n' "$$TOKEN" | curl -sS -w '\\n' -X DELETE "$$SERVER$quit" -H @- -H 'Content-Type: application/json'
""")  # noqa: E501 - lines to paste


def lines(settings: Settings, file: Path) -> str:
    """What to paste into a shell that can read `file`, where the settings are."""
    return _LINES.substitute(
        settings=shlex.quote(str(file)),
        server=shlex.quote(settings.server.rstrip("/")),
        start=LAUNCHER.start,
        ott=LAUNCHER.ott,
        alive=LAUNCHER.heartbeat,
        quit=LAUNCHER.end,
        verify=GAME.verify,
        heartbeat=GAME.heartbeat,
        end=GAME.end,
    )
