-- Gives partitions back.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name
-- ARGV[2]  owner
-- ARGV[3…] partitions; none: all he has, and he leaves

local key, owner = KEYS[1] .. 'sub:' .. ARGV[1], ARGV[2]
local partitions = {}
for i = 3, #ARGV do partitions[#partitions + 1] = ARGV[i] end
if #partitions == 0 then
  redis.call('ZREM', key .. ':members', owner)
  for p = 0, tonumber(redis.call('HGET', key, 'partitions') or 0) - 1 do partitions[#partitions + 1] = p end
end
for _, p in ipairs(partitions) do
  if redis.call('HGET', key, p .. '.owner') == owner then redis.call('HDEL', key, p .. '.owner', p .. '.until') end
end
