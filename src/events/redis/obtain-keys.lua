-- The keys of people; who has none gets the one that is offered.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[…]  for each person: subject, id of the key that is offered, the key
--
-- Gives for each person the id of the key, and the key.

local subjects, keys, reply = KEYS[1] .. 'subjects', KEYS[1] .. 'keys', {}
for i = 1, #ARGV, 3 do
  local id = redis.call('HGET', subjects, ARGV[i])
  if not id then
    id = ARGV[i + 1]
    redis.call('HSET', subjects, ARGV[i], id)
    redis.call('HSET', keys, id, ARGV[i + 2])
  end
  reply[#reply + 1] = id
  reply[#reply + 1] = redis.call('HGET', keys, id)
end
return reply
