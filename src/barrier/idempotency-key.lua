-- One Idempotency-Key: a hash with fingerprint, owner, until (when the lease ends, in milliseconds), and with the reply once it is finished.
--
-- KEYS[1]  the key
-- ARGV[1]  begin, renew, finish or release
-- ARGV[2]  owner
-- ARGV[3]  begin and renew: the lease in milliseconds; finish: the status
-- ARGV[4]  how long it is kept, in milliseconds
-- ARGV[5]  begin: the fingerprint; finish: the headers as JSON
-- ARGV[6]  finish: the body in base64
--
-- Gives { "begun" | "running" | "mismatch" } or { "finished", status, headers, body } for begin, 1 or 0 for the others.

local key, action, owner, keep = KEYS[1], ARGV[1], ARGV[2], ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('HMGET', key, 'fingerprint', 'owner', 'until', 'status', 'headers', 'body')

if action == 'begin' then
  if kept[1] then
    if kept[1] ~= ARGV[5] then return { 'mismatch' } end
    if kept[4] then return { 'finished', kept[4], kept[5], kept[6] } end
    if tonumber(kept[3]) > now then return { 'running' } end
  end
  redis.call('HSET', key, 'fingerprint', ARGV[5], 'owner', owner, 'until', string.format('%.0f', now + ARGV[3]))
  redis.call('PEXPIRE', key, keep)
  return { 'begun' }
end

if kept[2] ~= owner or kept[4] then return 0 end
if action == 'release' then
  redis.call('DEL', key)
elseif action == 'renew' then
  redis.call('HSET', key, 'until', string.format('%.0f', now + ARGV[3]))
  redis.call('PEXPIRE', key, keep)
else
  redis.call('HSET', key, 'status', ARGV[3], 'headers', ARGV[5], 'body', ARGV[6])
  redis.call('PEXPIRE', key, keep)
end
return 1
