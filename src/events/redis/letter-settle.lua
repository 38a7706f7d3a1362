-- Ends the work on a parked event that was taken.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name
-- ARGV[2]  token of who took it
-- ARGV[3]  position
-- ARGV[4]  commands of the handler, JSON: the event was handled; "" when it failed
-- ARGV[5]  the letter as it is after a failure
--
-- Gives 1; 0: it was taken by somebody else meanwhile.

local key, position = KEYS[1] .. 'sub:' .. ARGV[1], ARGV[3]
if redis.call('GET', key .. ':taken:' .. position) ~= ARGV[2] then return 0 end
redis.call('DEL', key .. ':taken:' .. position)
local letter = redis.call('HGET', key .. ':letter', position)
if not letter then return 0 end
if ARGV[4] == '' then
  redis.call('HSET', key .. ':letter', position, ARGV[5])
  return 1
end
run_commands(ARGV[4])
local stream = cjson.decode(letter).stream
redis.call('ZREM', key .. ':letters', position)
redis.call('HDEL', key .. ':letter', position)
if redis.call('HINCRBY', key .. ':parked', stream, -1) <= 0 then redis.call('HDEL', key .. ':parked', stream) end
return 1
