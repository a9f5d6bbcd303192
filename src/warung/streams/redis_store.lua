-- One operation on one session: all of it or nothing. Owns what Redis keeps of a session; knows no connection.
-- KEYS: the session's state (hash), events (stream; event n has the id n+1) and memos (list), then the indices
-- of all sessions: those that run, by the end of their lease, and those that ended, by when.
-- ARGV: the operation, the session's id, the time or '' for this server's own, the length of a lease, then what
-- is the operation's own. Times are whole milliseconds. The first write of each that stores something is one that
-- a full server refuses, so that a refusal leaves nothing half done.

local state, events, memos, running, ended = unpack(KEYS)
local operation, id, now, lease = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A lease that ends later than one given now would is of a clock that has jumped.
local function has_lapsed(leased_until)
  return leased_until <= now or leased_until > now + lease
end

local function hold(leased_until)
  redis.call('HSET', state, 'leased_until', leased_until)
  redis.call('ZADD', running, leased_until, id)
end

local function is_held(epoch)
  local held = redis.call('HMGET', state, 'status', 'epoch')
  return held[1] == 'running' and held[2] == epoch
end

local function session()
  local kept = redis.call(
    'HMGET', state, 'owner', 'request', 'status', 'turn', 'first', 'next', 'leased_until', 'read_at'
  )
  if not kept[1] then return false end
  local lapsed = kept[3] == 'running' and has_lapsed(tonumber(kept[7]))
  return {kept[1], kept[2], kept[3], kept[4], kept[5], kept[6], lapsed and 1 or 0, now - kept[8]}
end

-- Drops the oldest events beyond the limits; the very latest is always kept.
local function trim(first, next, bytes, most_events, most_bytes)
  local oldest = first
  while next - first > 1 and (next - first > most_events or bytes > most_bytes) do
    local event = redis.call('XRANGE', events, (first + 1) .. '-0', '+', 'COUNT', 1)[1]
    bytes = bytes - (event and #event[2][2] or 0)
    first = first + 1
  end
  if first > oldest then redis.call('XTRIM', events, 'MINID', (first + 1) .. '-0') end
  return first, bytes
end

local function add(data_from, most_events, most_bytes)
  local kept = redis.call('HMGET', state, 'first', 'next', 'bytes')
  local first, next, bytes = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
  for argument = data_from, #ARGV do
    next = next + 1
    redis.call('XADD', events, next .. '-0', 'data', ARGV[argument])
    bytes = bytes + #ARGV[argument]
  end
  first, bytes = trim(first, next, bytes, most_events, most_bytes)
  redis.call('HSET', state, 'first', first, 'next', next, 'bytes', bytes)
  return next
end

local function finish(status, keep_milliseconds)
  redis.call('HSET', state, 'status', status, 'ended_at', now, 'plan', '')
  redis.call('DEL', memos)
  redis.call('ZREM', running, id)
  redis.call('ZADD', ended, now, id)
  for _, key in ipairs({state, events, ended}) do redis.call('PEXPIRE', key, keep_milliseconds) end
end

local operations = {get = session}

-- The first epoch of a session is the time, so that no lease of a forgotten session of this name holds again.
-- `after` is the next index that was seen, or ''.
function operations.begin()
  local owner, request, plan, after = unpack(ARGV, 5)
  local former = redis.call('HMGET', state, 'status', 'epoch', 'next')
  local epoch, next = (former[2] or now) + 1, tonumber(former[3] or 0)
  if former[1] == 'running' or (next > 0 and after ~= '' and next ~= tonumber(after)) then return false end
  redis.call(
    'HSET', state, 'request', request, 'plan', plan, 'status', 'running', 'turn', next, 'next', next,
    'epoch', epoch, 'cancelling', 0, 'read_at', now
  )
  for field, value in pairs({owner = owner, first = 0, bytes = 0}) do
    redis.call('HSETNX', state, field, value)
  end
  redis.call('DEL', memos)
  if not former[1] then redis.call('DEL', events) end
  redis.call('ZREM', ended, id)
  redis.call('PERSIST', state)
  redis.call('PERSIST', events)
  hold(now + lease)
  return {epoch, next}
end

-- `expected` is the index of the first event, or '' where it isn't known; if it isn't the next one, events that
-- were acknowledged are gone, or some are here whose acknowledgement was not heard. The message can't overtake
-- what it tells of: nobody else is served before the script's end.
function operations.put()
  local epoch, expected, status, memo, most_events, most_bytes, keep_milliseconds, channel = unpack(ARGV, 5, 12)
  if not is_held(epoch) then return false end
  if expected ~= '' and redis.call('HGET', state, 'next') ~= expected then return false end
  redis.call('PUBLISH', channel, id)
  local next = add(13, tonumber(most_events), tonumber(most_bytes))
  if memo ~= '' then redis.call('RPUSH', memos, memo) end
  if status ~= 'running' then finish(status, keep_milliseconds) end
  return {tonumber(redis.call('HGET', state, 'cancelling')), next}
end

-- The first index that is kept, and the events. Where Redis was told to evict, it is the next one to come.
function operations.read()
  local index, limit = tonumber(ARGV[5]), ARGV[6]
  local kept = redis.call('HMGET', state, 'first', 'next')
  local first, next = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  if index < first or index >= next then return {first, {}} end
  local found = redis.call('XRANGE', events, (index + 1) .. '-0', '+', 'COUNT', limit)
  if #found == 0 or found[1][1] ~= (index + 1) .. '-0' then return {next, {}} end
  local data = {}
  for position, event in ipairs(found) do data[position] = event[2][2] end
  return {first, data}
end

function operations.renew()
  if not is_held(ARGV[5]) then return false end
  hold(now + lease)
  return tonumber(redis.call('HGET', state, 'cancelling'))
end

function operations.release()
  if is_held(ARGV[5]) then hold(0) end
end

function operations.claim()
  local held = redis.call('HMGET', state, 'status', 'leased_until', 'plan')
  if held[1] ~= 'running' or not has_lapsed(tonumber(held[2])) then return false end
  local epoch = redis.call('HINCRBY', state, 'epoch', 1)
  hold(now + lease)
  return {epoch, held[3], redis.call('LRANGE', memos, 0, -1), session()}
end

function operations.ask_to_cancel()
  if redis.call('HGET', state, 'status') == 'running' then redis.call('HSET', state, 'cancelling', 1) end
end

function operations.touch()
  if redis.call('EXISTS', state) == 1 then redis.call('HSET', state, 'read_at', now) end
end

function operations.lapsed()
  local past = redis.call('ZRANGEBYSCORE', running, '-inf', now)
  local beyond = redis.call('ZRANGEBYSCORE', running, string.format('(%.0f', now + lease), '+inf')
  for _, jumped in ipairs(beyond) do past[#past + 1] = jumped end
  return past
end

function operations.expired()
  return redis.call('ZRANGEBYSCORE', ended, '-inf', now - ARGV[5])
end

local function drop()
  redis.call('ZREM', running, id)
  redis.call('ZREM', ended, id)
  redis.call('DEL', state, events, memos)
end

function operations.forget()
  drop()
  redis.call('PUBLISH', ARGV[5], id)
end

function operations.forget_expired()
  local kept = redis.call('HMGET', state, 'status', 'ended_at')
  if kept[1] == 'running' or (kept[1] and tonumber(kept[2]) > now - ARGV[5]) then return 0 end
  drop()
  return kept[1] and 1 or 0
end

-- Stores something and takes it back.
operations['try'] = function()
  redis.call('HSET', state, 'tried_at', now)
  redis.call('DEL', state)
end

return operations[operation]()
