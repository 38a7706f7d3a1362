-- Stores a plan unless there is one.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"
-- ARGV[1]  saga and version
-- ARGV[2]  the plan as JSON
--
-- Gives the plan that is stored.

redis.call('HSETNX', KEYS[1] .. 'plans', ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1] .. 'plans', ARGV[1])
