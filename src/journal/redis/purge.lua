-- Removes transactions that have ended, the oldest end first, with their events and every index entry.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  only those that ended before this time, in milliseconds
-- ARGV[2]  at most so many
--
-- Gives how many were removed.

local root = KEYS[1]
local ids = redis.call('ZRANGEBYSCORE', root .. 'ended', '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  local summary = redis.call('HGETALL', root .. 't:' .. id)
  for i = 1, #summary, 2 do
    local field = summary[i]
    if field == 'log' then
      for position in string.gmatch(summary[i + 1], '%d+') do redis.call('XDEL', root .. 'log', position .. '-0') end
    elseif field == 'saga' or field == 'status' or string.sub(field, 1, 4) == 'tag:' then
      redis.call('ZREM', root .. field .. '=' .. summary[i + 1], id)
    end
  end
  redis.call('ZREM', root .. 'all', id)
  redis.call('UNLINK', root .. 's:transaction:' .. id, root .. 't:' .. id)
  -- Last: what is in this index is still to be removed.
  redis.call('ZREM', root .. 'ended', id)
end
return #ids
