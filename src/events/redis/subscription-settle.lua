-- Moves the checkpoint of a partition, with what belongs to it.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  name, ARGV[2] partition, ARGV[3] owner, ARGV[4] epoch, ARGV[5] position
-- ARGV[6]  position to move it to
-- ARGV[7]  mark of that position
-- ARGV[8]  commands of the handlers, JSON
-- ARGV[9]  "passed": none of the events was of the subscription; "failed": park the events below because the first failed; "behind": because their aggregates are parked
-- ARGV[10…] for each event to park: position, stream, letter
--
-- Gives "moved", "lost" (it is not this owner's, or it is paused), or "again": an aggregate is not parked any more.

local root, name, partition, owner, epoch, position = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = root .. 'sub:' .. name
if not is_tenure(key, partition, owner, epoch, position) then return 'lost' end
if ARGV[9] == 'behind' then
  for i = 10, #ARGV, 3 do
    if redis.call('HEXISTS', key .. ':parked', ARGV[i + 1]) == 0 then return 'again' end
  end
end
run_commands(ARGV[8])
for i = 10, #ARGV, 3 do add_letter(key, ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
redis.call('HSET', key, partition .. '.position', ARGV[6], partition .. '.mark', ARGV[7])
-- Attempts are those of the next event of its own: passing over others' leaves them.
if ARGV[9] ~= 'passed' then redis.call('HDEL', key, partition .. '.attempts', partition .. '.error', partition .. '.retry') end
return 'moved'
