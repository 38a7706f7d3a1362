-- Whether an owner may move the checkpoint of a partition from a position: the compare part of each compare-and-set.
local function is_tenure(key, partition, owner, epoch, position)
  local now = redis.call('HMGET', key, partition .. '.owner', partition .. '.epoch', partition .. '.position', 'paused')
  return now[1] == owner and now[2] == epoch and now[3] == position and now[4] == '0'
end

-- Puts an event aside. "<key>:letters" orders them, "<key>:letter" has each, "<key>:parked" counts those of a stream.
local function add_letter(key, position, stream, letter)
  if redis.call('ZADD', key .. ':letters', position, position) == 0 then return end
  redis.call('HSET', key .. ':letter', position, letter)
  redis.call('HINCRBY', key .. ':parked', stream, 1)
end

local function run_commands(text)
  for _, command in ipairs(cjson.decode(text)) do redis.call(unpack(command)) end
end
