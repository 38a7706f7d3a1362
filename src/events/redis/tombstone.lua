-- Ends a stream for good: one last event says so. What was before it is put aside under "{namespace}:x:<stream>" (and
-- "{namespace}:xa:<stream>", what was archived), to be deleted bit by bit.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
-- ARGV[2]  id of the event, ARGV[3] type, ARGV[4] data, ARGV[5] metadata
--
-- Gives { version, first version, state }; version 0: there is no such stream.

local root, stream = KEYS[1], ARGV[1]
local version, first, state = head_of(root, stream)
if version > 0 and state ~= 'tombstoned' then
  version = version + 1
  first, state = version, 'tombstoned'
  redis.call('HSET', root .. 'heads', stream, state .. ':' .. first)
  redis.call('RENAME', root .. 's:' .. stream, root .. 'x:' .. stream)
  if redis.call('EXISTS', root .. 'a:' .. stream) == 1 then redis.call('RENAME', root .. 'a:' .. stream, root .. 'xa:' .. stream) end
  redis.call('XADD', root .. 's:' .. stream, version .. '-0', 'id', ARGV[2], 'type', ARGV[3], 'data', ARGV[4], 'at', now_ms(), 'meta', ARGV[5])
  redis.call('HSET', root .. 'ids', ARGV[2], version .. ':' .. stream)
  redis.call('RPUSH', root .. 'log:pending', version .. ':' .. stream)
  redis.call('UNLINK', root .. 'n:' .. stream)
end
return { version, first, state }
