-- Renews what an owner has of a subscription, and takes what is free up to its share.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name
-- ARGV[2]  owner
-- ARGV[3]  length of a lease, in milliseconds
--
-- Gives { surplus, partitions, paused, handover, number of parked events, then for each partition it has now: partition, position, epoch,
-- mark, attempts, milliseconds until it is to be tried again }.

local root, name, owner, lease = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local key, now = root .. 'sub:' .. name, tonumber(now_ms())
local partitions, paused, handover = unpack(redis.call('HMGET', key, 'partitions', 'paused', 'handover'))
if not partitions then return { 0, 0, '0', '[]', 0 } end

redis.call('ZADD', key .. ':members', now + lease, owner)
redis.call('ZREMRANGEBYSCORE', key .. ':members', '-inf', '(' .. now)

local mine, free = {}, {}
for p = 0, partitions - 1 do
  local held = redis.call('HMGET', key, p .. '.owner', p .. '.until')
  if held[1] == owner then
    mine[#mine + 1] = p
  elseif not held[1] or tonumber(held[2]) < now then
    free[#free + 1] = p
  end
end
local share = math.ceil(partitions / redis.call('ZCARD', key .. ':members'))
local surplus = math.max(0, #mine - share)
for _, p in ipairs(free) do
  if #mine >= share then break end
  redis.call('HINCRBY', key, p .. '.epoch', 1)
  redis.call('HSET', key, p .. '.owner', owner)
  mine[#mine + 1] = p
end
table.sort(mine)

local reply = { surplus, tonumber(partitions), paused, handover, redis.call('ZCARD', key .. ':letters') }
for _, p in ipairs(mine) do
  redis.call('HSET', key, p .. '.until', now + lease)
  local state = redis.call('HMGET', key, p .. '.position', p .. '.epoch', p .. '.mark', p .. '.attempts', p .. '.retry')
  reply[#reply + 1] = { p, state[1], state[2], state[3], state[4] or '0', math.max(0, tonumber(state[5] or 0) - now) }
end
return reply
