-- The summaries of some transactions.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[…]  ids
--
-- Gives for each id the fields and values of its summary in turn; none when it doesn't exist.

local summaries = {}
for i, id in ipairs(ARGV) do
  summaries[i] = redis.call('HGETALL', KEYS[1] .. 't:' .. id)
end
return summaries
