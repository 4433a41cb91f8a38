"""The gaming PCs, as far as their launchers tell: what `station:status` is about."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, exists, select

from policy.game import SILENT_FOR
from policy.quantities import Instant, later
from radiusd.store.directory import Cafe
from radiusd.store.game_schema import game_sessions, launcher_sessions

Stations = Mapping[str, tuple[str, str]]
"""The branch and the status, ONLINE or IN_SESSION, by what a PC is known by; those that are left out are OFFLINE."""

_ONLINE = select(
    launcher_sessions.c.pc,
    launcher_sessions.c.branch_id,
    exists().where(game_sessions.c.pc == launcher_sessions.c.pc, game_sessions.c.ended_at.is_(None)),
).where(launcher_sessions.c.seen_at >= bindparam("since"), launcher_sessions.c.ended_at.is_(None))

WRITE_STATIONS = """
local now, is_known, told = cjson.decode(ARGV[1]), redis.call('EXISTS', KEYS[1]) == 1, 0
local function tell(pc, branch, status)
    local what = cjson.encode({station_id = pc, branch = branch, status = status})
    redis.call('PUBLISH', ARGV[2] .. 'station:status', what)
    told = told + 1
end
local before = {}
local flat = redis.call('HGETALL', KEYS[1])
for number = 1, #flat, 2 do before[flat[number]] = flat[number + 1] end
for pc, station in pairs(now) do
    local kept = station[2] .. ' ' .. station[1]
    if before[pc] ~= kept then
        if is_known then tell(pc, station[1], station[2]) end
        redis.call('HSET', KEYS[1], pc, kept)
    end
    before[pc] = nil
end
for pc, kept in pairs(before) do
    if pc ~= '' then
        tell(pc, string.match(kept, ' (.*)'), 'OFFLINE')
        redis.call('HDEL', KEYS[1], pc)
    end
end
redis.call('HSET', KEYS[1], '', 'kept')
redis.call('EXPIRE', KEYS[1], ARGV[3])
return told
"""
"""KEYS: the key of the stations. ARGV: the stations (encode), the prefix of all names, seconds until they are stale.
The field without a name is there so that the key is, when no PC is on."""


def read(connection: Connection, cafes: Mapping[int, Cafe], at: Instant) -> Stations:
    """The PCs whose launcher runs."""
    rows = connection.execute(_ONLINE, {"since": later(at, -SILENT_FOR)})
    return {
        pc: (cafes[branch_id].name, "IN_SESSION" if plays else "ONLINE")
        for pc, branch_id, plays in rows
        if branch_id in cafes
    }


def encode(stations: Stations) -> bytes:
    """They as JSON, for the script."""
    told: dict[str, Any] = dict(stations)
    return msgspec.json.encode(told)
