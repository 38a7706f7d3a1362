-- How many transactions of each saga are in each of some statuses.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  number of sagas; then the sagas, then the statuses
--
-- Gives saga, status and number of each pair that has any.

local root, sagas, found = KEYS[1], tonumber(ARGV[1]), {}

-- The sets of open statuses are small beside those of sagas, which hold the ended ones too. ZINTERCARD is of Redis 7.
local function overlap(saga, status)
  local card = redis.pcall('ZINTERCARD', 2, saga, status)
  if type(card) == 'number' then return card end
  return #redis.call('ZINTER', 2, saga, status)
end

for i = 2 + sagas, #ARGV do
  local status = root .. 'status=' .. ARGV[i]
  local left = redis.call('ZCARD', status)
  for s = 2, 1 + sagas do
    if left <= 0 then break end
    -- What is left is the last saga's: with one saga nothing is intersected.
    local count = s == 1 + sagas and left or overlap(root .. 'saga=' .. ARGV[s], status)
    left = left - count
    if count > 0 then
      local at = #found
      found[at + 1], found[at + 2], found[at + 3] = ARGV[s], ARGV[i], count
    end
  end
end
return found
