-- Appends events to transactions' streams, each if nobody else has meanwhile, and brings its summary and the indexes along. One call carries
-- the commits of many transactions; each is done or refused by itself.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV     of each commit, see batch.lua:
--   1  id of the transaction
--   2  expected version: number of events the writer has seen; 0 starts the transaction
--   3  token of this commit, unique
--   4  status
--   5  flags: a = announce, s = announce to those who listen to this shard of a cluster, t = the status is terminal, e = there is an error
--   6  number of events
--   7… type and data of each event; the error, with flag e; at a start also saga, definition version, and for each tag its summary
--      field and value
--
-- Gives of each commit the time in milliseconds; or, after a lost race, a list with the list of the stream's entries which the writer has not
-- seen.
--
-- The indexes are sorted sets of ids, scored by the start: "all", and "<field>=<value>" for the summary's fields saga, status and tag:<name>.
-- "ended" is scored by the end.

local root = KEYS[1]
local now = now_ms()

-- `base` is the place in ARGV before the commit's first argument, `last` that of its last.
local function commit(base, last)
  local id, expected, token, status, flags = ARGV[base + 1], tonumber(ARGV[base + 2]), ARGV[base + 3], ARGV[base + 4], ARGV[base + 5]
  local stream, summary = root .. 's:transaction:' .. id, root .. 't:' .. id
  local before = redis.call('HMGET', summary, 'version', 'status', 'error', 'started')

  if tonumber(before[1] or 0) ~= expected then
    -- When a connection breaks before the answer has come, the client sends the command again: then this commit is there already.
    local known = redis.call('HMGET', summary, 'by', 'updated')
    if known[1] == token then return known[2] end
    return { redis.call('XRANGE', stream, expected + 1, '+') }
  end

  -- The first write is one that Redis refuses when its memory is full: so all of the commit is done, or nothing.
  local at, version = base + 7, expected + ARGV[base + 6]
  for number = expected + 1, version do
    redis.call('XADD', stream, number .. '-0', 'type', ARGV[at], 'data', ARGV[at + 1], 'at', now)
    at = at + 2
  end
  if expected == 0 then fit_to_size(root, stream) end
  -- The global order, all of them in one entry: number_log() gives them their positions.
  redis.call('RPUSH', root .. 'log:pending', expected + 1 .. '+' .. ARGV[base + 6] .. ':transaction:' .. id)

  local fields = { 'version', version, 'updated', now, 'by', token }
  local function set(field, value)
    fields[#fields + 1], fields[#fields + 2] = field, value
  end

  local message = false
  if string.find(flags, 'e', 1, true) then
    message, at = ARGV[at], at + 1
  end
  if message and message ~= before[3] then set('error', message) end
  if before[3] and not message then redis.call('HDEL', summary, 'error') end

  if expected == 0 then
    set('saga', ARGV[at])
    set('definition', ARGV[at + 1])
    set('started', now)
    redis.call('ZADD', root .. 'all', now, id)
    redis.call('ZADD', root .. 'saga=' .. ARGV[at], now, id)
    for i = at + 2, last, 2 do
      set(ARGV[i], ARGV[i + 1])
      redis.call('ZADD', root .. ARGV[i] .. '=' .. ARGV[i + 1], now, id)
    end
  end
  if status ~= before[2] then
    set('status', status)
    if before[2] then redis.call('ZREM', root .. 'status=' .. before[2], id) end
    redis.call('ZADD', root .. 'status=' .. status, before[4] or now, id)
    if string.find(flags, 't', 1, true) then
      set('ended', now)
      redis.call('ZADD', root .. 'ended', now, id)
    end
  end
  redis.call('HSET', summary, unpack(fields))
  if string.find(flags, 'a', 1, true) then redis.call('PUBLISH', root .. 'announce', id) end
  if string.find(flags, 's', 1, true) then redis.call('SPUBLISH', root .. 'announce', id) end
  return now
end

return each_call(commit)
