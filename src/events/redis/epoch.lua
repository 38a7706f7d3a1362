-- The epoch of the store: another one when another server answers, or the same one after a restart.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  what tells one server, and one start of it, from another: its replication id
-- ARGV[2]  the epoch that begins if it is another one

local key = KEYS[1] .. 'epoch'
local known = redis.call('HMGET', key, 'server', 'epoch')
if known[1] == ARGV[1] then return known[2] end
redis.call('HSET', key, 'server', ARGV[1], 'epoch', ARGV[2])
return ARGV[2]
