-- Replaces the oldest events of a stream by what they were packed into.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
-- ARGV[2]  version of the first event that was packed
-- ARGV[3]  version of the last one
-- ARGV[4]  the pack, kept in hash "{namespace}:a:<stream>" under its first version
--
-- Gives { version, first version, state }; where that first version was not ARGV[2] before, nothing was done: somebody else was faster.

local root, stream = KEYS[1], ARGV[1]
local version, first, state = head_of(root, stream)
if state ~= 'tombstoned' and first == tonumber(ARGV[2]) then
  first = tonumber(ARGV[3]) + 1
  redis.call('HSET', root .. 'a:' .. stream, ARGV[2], ARGV[4])
  redis.call('HSET', root .. 'heads', stream, state .. ':' .. first)
  redis.call('XTRIM', root .. 's:' .. stream, 'MINID', first .. '-0')
end
return { version, first, state }
