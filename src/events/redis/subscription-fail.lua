-- Counts an attempt at the next event of a partition.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name, ARGV[2] partition, ARGV[3] owner, ARGV[4] epoch, ARGV[5] position
-- ARGV[6]  error
-- ARGV[7]  milliseconds until it is to be tried again
--
-- Gives how many attempts it were; false: it is not this owner's.

local key, partition = KEYS[1] .. 'sub:' .. ARGV[1], ARGV[2]
if not is_tenure(key, partition, ARGV[3], ARGV[4], ARGV[5]) then return false end
redis.call('HSET', key, partition .. '.error', ARGV[6], partition .. '.retry', now_ms() + ARGV[7])
return redis.call('HINCRBY', key, partition .. '.attempts', 1)
