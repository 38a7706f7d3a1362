-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
--
-- Gives { version, first version, state }; version 0: there is no such stream.

return { head_of(KEYS[1], ARGV[1]) }
