-- Takes the first parked event of a stream, one that nobody else has in work.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name
-- ARGV[2]  token of who takes it
-- ARGV[3]  how long it is his, in milliseconds
-- ARGV[4…] positions that are not wanted
--
-- Gives { position, letter }, or false when there is none.

local key = KEYS[1] .. 'sub:' .. ARGV[1]
local except, seen = {}, {}
for i = 4, #ARGV do except[ARGV[i]] = true end
for _, position in ipairs(redis.call('ZRANGE', key .. ':letters', 0, -1)) do
  local letter = redis.call('HGET', key .. ':letter', position)
  local stream = cjson.decode(letter).stream
  if not seen[stream] then
    seen[stream] = true
    if not except[position] and redis.call('SET', key .. ':taken:' .. position, ARGV[2], 'NX', 'PX', ARGV[3]) then
      return { position, letter }
    end
  end
end
return false
