-- Bounds what the log keeps of purged transactions while nobody reads it.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  events stored before this time, in milliseconds
-- ARGV[2]  at most so many
--
-- Gives how many were taken from what waits for a position.
return number_log(KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[1]))
