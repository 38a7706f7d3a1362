-- Makes a subscription, or gives it another number of partitions: the owners of the old ones move nothing any more.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name
-- ARGV[2]  number of partitions
-- ARGV[3]  position after which a new one begins
--
-- "{namespace}:sub:<name>" is a hash: partitions, paused, handover (JSON: how far the partitions were before their number was changed), and
-- for each partition p: p.position, p.mark, p.epoch, p.owner, p.until, p.attempts, p.error, p.retry.

local root, name, partitions, position = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local key = root .. 'sub:' .. name
local before = tonumber(redis.call('HGET', key, 'partitions') or 0)
if before == partitions then return before end

local paused, handover, epoch = '0', '[]', 0
if before > 0 then
  paused = redis.call('HGET', key, 'paused')
  local positions = {}
  for p = 0, before - 1 do
    positions[p + 1] = tonumber(redis.call('HGET', key, p .. '.position'))
    epoch = math.max(epoch, tonumber(redis.call('HGET', key, p .. '.epoch')))
  end
  position = math.min(unpack(positions))
  local kept = {}
  local all = cjson.decode(redis.call('HGET', key, 'handover'))
  all[#all + 1] = { partitions = before, positions = positions }
  for _, one in ipairs(all) do
    if math.max(unpack(one.positions)) > position then kept[#kept + 1] = one end
  end
  if #kept > 0 then handover = cjson.encode(kept) end
  redis.call('DEL', key)
end
redis.call('SADD', root .. 'subs', name)
redis.call('HSET', key, 'partitions', partitions, 'paused', paused, 'handover', handover)
for p = 0, partitions - 1 do
  redis.call('HSET', key, p .. '.position', string.format('%d', position), p .. '.epoch', epoch + 1, p .. '.mark', '')
end
return before
