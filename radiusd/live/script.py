"""What is done in Redis, as one step each, so that several servers may do it at once and everything is told once.

A key is overwritten by what is newer than it, and by nothing else: servers read the store at different times, and the
older reading may arrive later. What happened follows from the difference to what was there. Of a session that Redis has
not heard of, a start or an end is told only while it is fresh: Redis may have been emptied.
"""

WRITE = """
local prefix, told = ARGV[2], 0
local function tell(channel, state, more)
    local what = {session_id = state.id}
    for _, name in ipairs({'account', 'device', 'branch', 'router'}) do what[name] = state.fields[name] end
    for name, value in pairs(more) do what[name] = value end
    redis.call('PUBLISH', prefix .. 'session:' .. channel, cjson.encode(what))
    told = told + 1
end
local function added(before, now)
    return (before and now) and math.max(tonumber(now) - tonumber(before), 0) or 0
end
local function keep(key, state, warned)
    local flat = {'version', state.version, 'read_at', string.format('%.0f', state.at)}
    if warned then flat[#flat + 1] = 'warned'; flat[#flat + 1] = '1' end
    for name, value in pairs(state.fields) do flat[#flat + 1] = name; flat[#flat + 1] = value end
    redis.call('DEL', key)
    redis.call('HSET', key, unpack(flat))
    redis.call('EXPIRE', key, state.life)
end
for number, state in ipairs(cjson.decode(ARGV[1])) do
    local key, fields = KEYS[number], state.fields
    local known = redis.call('HMGET', key, 'phase', 'version', 'read_at', 'granted_seconds', 'granted_octets', 'warned',
        'router')
    local phase, version, read_at = known[1], tonumber(known[2] or '-1'), tonumber(known[3] or '-1')
    local is_newer = version < state.version or (version == state.version and read_at <= state.at)
    if is_newer and state.phase == 'ACTIVE' then
        local seconds = added(known[4], fields.granted_seconds)
        local octets = added(known[5], fields.granted_octets)
        if not phase and state.is_fresh then
            tell('started', state, {at = fields.started_at, ends_at = fields.ends_at})
        elseif phase and (seconds > 0 or octets > 0) then
            tell('extended', state, {added_seconds = seconds, added_octets = octets, ends_at = fields.ends_at})
        end
        if state.is_soon and not known[6] then
            tell('expiring', state, {ends_at = fields.ends_at, remaining_seconds = tonumber(fields.remaining_seconds)})
        end
        keep(key, state, state.is_soon)
    elseif is_newer and (phase == 'ACTIVE' or (not phase and state.is_fresh)) then
        fields.router = fields.router or known[7] or nil
        tell(state.channel, state, {at = fields.ended_at, reason = fields.end_reason})
        keep(key, state, false)
    end
end
return told
"""
"""KEYS: one for each session. ARGV: the sessions (states.encode), the prefix of all names. Gives how much was told."""

TAKE_TURN = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return holder and 1 or 2
"""
"""KEYS: the key of the turn. ARGV: who asks, for how many milliseconds. 0: somebody else has it; 1: it still has it; 2:
it has it now, and nobody had."""
