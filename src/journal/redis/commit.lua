-- Appends events to transactions' streams, each if nobody else has meanwhile, and brings its summary and the indexes along. One call carries
-- the commits of many transactions; each is done or refused by itself.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV     see batch.lua; the texts of each commit are the data of its events, its arguments:
--   1  number of events
--   2  id of the transaction
--   3  expected version: number of events the writer has seen; 0 starts the transaction
--   4  token of this commit, unique
--   5  status
--   6  flags: a = announce, s = announce to those who listen to this shard of a cluster, t = the status is terminal, e = there is an error
--   7… type of each event; the error, with flag e; at a start also saga, definition version, and for each tag its summary field and value
--
-- Announced is the id; of a saga that completed with a short output, and a space, the data of its last event too: whoever waits for it need not
-- read it then. All who listen get that, so it must be short.
--
-- Gives of each commit the time in milliseconds; or, after a lost race, a list with the list of the stream's entries which the writer has not
-- seen.
--
-- The indexes are sorted sets of ids, scored by the start: "all", and "<field>=<value>" for the summary's fields saga, status and tag:<name>.
-- "ended" is scored by the end.

local root = KEYS[1]
local now = now_ms()
local LONGEST_ANNOUNCED = 256

local function commit(args, texts)
  local count, id, expected, token, status, flags = unpack(args, 1, 6)
  local stream, summary = root .. 's:transaction:' .. id, root .. 't:' .. id
  local before = redis.call('HMGET', summary, 'version', 'status', 'error', 'started')

  if tonumber(before[1] or 0) ~= expected then
    -- When a connection breaks before the answer has come, the client sends the command again: then this commit is there already.
    local known = redis.call('HMGET', summary, 'by', 'updated')
    if known[1] == token then return known[2] end
    return { redis.call('XRANGE', stream, expected + 1, '+') }
  end

  -- The first write is one that Redis refuses when its memory is full: so all of the commit is done, or nothing.
  local at, version = 7 + count, expected + count
  for number = 1, count do
    redis.call('XADD', stream, expected + number .. '-0', 'type', args[6 + number], 'data', ARGV[texts + number], 'at', now)
  end
  if expected == 0 then fit_to_size(root, stream) end
  -- The global order, all of them in one entry: number_log() gives them their positions.
  redis.call('RPUSH', root .. 'log:pending', expected + 1 .. '+' .. count .. ':transaction:' .. id)

  local fields = { 'version', version, 'updated', now, 'by', token }
  local function set(field, value)
    fields[#fields + 1], fields[#fields + 2] = field, value
  end

  local message = false
  if string.find(flags, 'e', 1, true) then
    message, at = args[at], at + 1
  end
  if message and message ~= before[3] then set('error', message) end
  if before[3] and not message then redis.call('HDEL', summary, 'error') end

  if expected == 0 then
    set('saga', args[at])
    set('definition', args[at + 1])
    set('started', now)
    redis.call('ZADD', root .. 'all', now, id)
    redis.call('ZADD', root .. 'saga=' .. args[at], now, id)
    for i = at + 2, #args, 2 do
      set(args[i], args[i + 1])
      redis.call('ZADD', root .. args[i] .. '=' .. args[i + 1], now, id)
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
  local how = string.match(flags, '[as]')
  if how then
    local told, last = id, ARGV[texts + count]
    if args[6 + count] == 'saga_completed' and #last <= LONGEST_ANNOUNCED then told = id .. ' ' .. last end
    redis.call(how == 's' and 'SPUBLISH' or 'PUBLISH', root .. 'announce', told)
  end
  return now
end

return each_call(commit)
