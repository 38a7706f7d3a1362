-- Appends events to a transaction's stream if nobody else has meanwhile, and brings its summary and the indexes along.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  id of the transaction
-- ARGV[2]  expected version: number of events the writer has seen; 0 starts the transaction
-- ARGV[3]  token of this commit, unique
-- ARGV[4]  status
-- ARGV[5]  flags: a = announce, t = the status is terminal, e = there is an error
-- ARGV[6]  number of events
-- ARGV[7…] type and data of each event; the error, with flag e; at a start also saga, definition version, and for each tag its summary
--          field and value
--
-- Gives the time of the commit in milliseconds; after a lost race the stream's entries which the writer has not seen.
--
-- The indexes are sorted sets of ids, scored by the start: "all", and "<field>=<value>" for the summary's fields saga, status and tag:<name>.
-- "ended" is scored by the end.

local root, id, expected, status, flags = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[4], ARGV[5]
local stream, summary = root .. 's:transaction:' .. id, root .. 't:' .. id
local before = redis.call('HMGET', summary, 'version', 'status', 'error')

if tonumber(before[1] or 0) ~= expected then
  -- When a connection breaks before the answer has come, the client sends the command again: then this commit is there already.
  local last = redis.call('HMGET', summary, 'by', 'updated')
  if last[1] == ARGV[3] then return last[2] end
  return redis.call('XRANGE', stream, expected + 1, '+')
end

-- The first write is one that Redis refuses when its memory is full: so all of the script is done, or nothing.
local now, at = now_ms(), 7
for version = expected + 1, expected + ARGV[6] do
  redis.call('XADD', stream, version .. '-0', 'type', ARGV[at], 'data', ARGV[at + 1], 'at', now)
  at = at + 2
end
local version = expected + ARGV[6]

local message = false
if string.find(flags, 'e', 1, true) then
  message, at = ARGV[at], at + 1
end

if expected == 0 then
  redis.call('HSET', summary, 'saga', ARGV[at], 'definition', ARGV[at + 1], 'status', status, 'version', version, 'started', now,
    'updated', now, 'by', ARGV[3])
  redis.call('ZADD', root .. 'all', now, id)
  redis.call('ZADD', root .. 'saga=' .. ARGV[at], now, id)
  redis.call('ZADD', root .. 'status=' .. status, now, id)
  for i = at + 2, #ARGV, 2 do
    redis.call('HSET', summary, ARGV[i], ARGV[i + 1])
    redis.call('ZADD', root .. ARGV[i] .. '=' .. ARGV[i + 1], now, id)
  end
elseif status == before[2] then
  redis.call('HSET', summary, 'version', version, 'updated', now, 'by', ARGV[3])
else
  redis.call('HSET', summary, 'version', version, 'updated', now, 'by', ARGV[3], 'status', status)
  redis.call('ZREM', root .. 'status=' .. before[2], id)
  redis.call('ZADD', root .. 'status=' .. status, redis.call('HGET', summary, 'started'), id)
end

if message ~= before[3] then
  if message then redis.call('HSET', summary, 'error', message) else redis.call('HDEL', summary, 'error') end
end
if status ~= before[2] and string.find(flags, 't', 1, true) then
  redis.call('HSET', summary, 'ended', now)
  redis.call('ZADD', root .. 'ended', now, id)
end
if string.find(flags, 'a', 1, true) then redis.call('PUBLISH', root .. 'announce', id) end
return now
