-- Keeps the number of shards of a namespace, which is settled once.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"
-- ARGV[1]  the number to settle on; "" only asks
--
-- Gives the number that is settled; nil when there is none and none was asked for.

local key = KEYS[1] .. 'shards'
local settled = redis.call('GET', key)
-- Transactions that were stored before the number was: they are in one shard.
if not settled and redis.call('EXISTS', KEYS[1] .. 'plans') == 1 then settled = '1' end
if settled or ARGV[1] == '' then return settled end
redis.call('SET', key, ARGV[1])
return ARGV[1]
