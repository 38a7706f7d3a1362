-- Closes a stream: it takes no more events.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
--
-- Gives { version, first version, state }; version 0: there is no such stream.

local version, first, state = head_of(KEYS[1], ARGV[1])
if version > 0 and state == 'open' then
  state = 'closed'
  redis.call('HSET', KEYS[1] .. 'heads', ARGV[1], state .. ':' .. first)
end
return { version, first, state }
