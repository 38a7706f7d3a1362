-- Keeps a snapshot unless a newer one is there, or the stream has not come so far, or is gone.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
-- ARGV[2]  schema version
-- ARGV[3]  version of the stream
-- ARGV[4]  the state as JSON

local key, version = KEYS[1] .. 'n:' .. ARGV[1], tonumber(ARGV[3])
local head, _, state = head_of(KEYS[1], ARGV[1])
if head < version or state == 'tombstoned' then return end
local known = redis.call('HGET', key, ARGV[2])
if not known or tonumber(string.match(known, '^%d+')) < version then
  redis.call('HSET', key, ARGV[2], ARGV[3] .. ':' .. ARGV[4])
end
