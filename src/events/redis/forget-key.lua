-- Destroys a person's key.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  subject
--
-- Gives 1, or 0 when there was none.

local id = redis.call('HGET', KEYS[1] .. 'subjects', ARGV[1])
if not id then return 0 end
redis.call('HDEL', KEYS[1] .. 'keys', id)
return redis.call('HDEL', KEYS[1] .. 'subjects', ARGV[1])
