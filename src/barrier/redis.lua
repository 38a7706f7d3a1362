-- The barrier's guard around a participant's own script, which stands above this as
-- `local function work(KEYS, ARGV, undone, redis, server) … end`.
--
-- KEYS[1]   the guard of one branch: a hash with a field for each operation, "<reason> <fingerprint or -> <result as JSON>"
-- KEYS[2…]  the participant's keys: KEYS[1…] in its script
-- ARGV[1]   the operation that is delivered
-- ARGV[2]   the operation that it undoes, or ""
-- ARGV[3]   fingerprint of the input, or "-": not compared
-- ARGV[4]   how long the guard is kept after this delivery, in milliseconds, or "": for ever
-- ARGV[5]   largest result in bytes
-- ARGV[6…]  the participant's arguments: ARGV[1…] in its script
--
-- Gives { "executed" | "duplicate", result }, { "empty" | "suppressed" | "mismatch" } or { "torn", operation, error },
-- and { "corrupt" } for a guard that something else has written.

local guard, op, origin, fingerprint, keep, largest = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

local function row(field)
  local text = field ~= '' and redis.call('HGET', guard, field)
  if not text then return nil end
  local reason, of, result = string.match(text, '^(%S+) (%S+) (.*)$')
  return { reason = reason or 'corrupt', fingerprint = of, result = result }
end

local function write(...)
  local fresh = redis.call('EXISTS', guard) == 0
  redis.call('HSET', guard, ...)
  -- The longest that was ever asked for holds: an action and its compensation may be called with different retentions.
  local left = fresh and 0 or redis.call('PTTL', guard)
  if keep == '' then redis.call('PERSIST', guard)
  elseif left >= 0 and tonumber(keep) > left then redis.call('PEXPIRE', guard, keep) end
end

local own = row(op)
if own then
  if own.reason == 'corrupt' then return { 'corrupt' } end
  if own.reason == 'torn' then return { 'torn', op, own.result } end
  if own.reason ~= op then return { 'suppressed' } end
  if own.fingerprint ~= '-' and fingerprint ~= '-' and own.fingerprint ~= fingerprint then return { 'mismatch' } end
  return { 'duplicate', own.result }
end
local before = row(origin)
if origin ~= '' and not before then
  write(origin, op .. ' - null', op, op .. ' ' .. fingerprint .. ' null')
  return { 'empty' }
end
if before and before.reason == 'corrupt' then return { 'corrupt' } end
if before and before.reason == 'torn' then return { 'torn', origin, before.result } end

-- The guard is written last, and must not fail then.
if redis.acl_check_cmd then
  for _, command in ipairs({ { 'HSET', guard, op, '' }, { 'PEXPIRE', guard, '1' }, { 'PERSIST', guard } }) do
    if not redis.acl_check_cmd(unpack(command)) then
      return redis.error_reply('NOPERM the barrier may not use ' .. command[1] .. ' on ' .. guard .. ': permit it')
    end
  end
end

-- Which commands the participant has used: what was written before an error stays written.
local used = {}
local watched = setmetatable({
  call = function(command, ...)
    local reply = redis.call(command, ...)
    used[string.lower(command)] = true
    return reply
  end,
  pcall = function(command, ...)
    local reply = redis.pcall(command, ...)
    if type(reply) ~= 'table' or not reply.err then used[string.lower(command)] = true end
    return reply
  end,
}, { __index = redis })

local READS = ' get mget strlen getrange exists type ttl pttl hget hmget hgetall hexists hlen scard sismember smembers '
  .. 'zscore zrange zcard zrank llen lrange lindex time object xinfo '

local function reads(command)
  if string.find(READS, ' ' .. command .. ' ', 1, true) then return true end
  -- The server knows its modules' commands too. Where it may not be asked, or has subcommands of both kinds, it counts as a write.
  local about = redis.pcall('COMMAND', 'INFO', command)
  local flags = type(about) == 'table' and type(about[1]) == 'table' and about[1][3]
  if type(flags) ~= 'table' or #flags == 0 then return false end
  for _, flag in ipairs(flags) do
    local name = type(flag) == 'table' and flag.ok or flag
    if name == 'write' or name == 'may_replicate' or name == 'pubsub' then return false end
  end
  return true
end

local function wrote()
  for command in pairs(used) do
    if not reads(command) then return true end
  end
  return false
end

local function failure(thrown)
  return type(thrown) == 'table' and type(thrown.err) == 'string' and thrown.err or tostring(thrown)
end

-- What EVAL would make of a script's reply, as JSON: so a duplicate can't get anything else than the first delivery.
local function encode(value, depth)
  local kind = type(value)
  if kind == 'nil' or value == false then return 'null' end
  if kind == 'boolean' then return '1' end
  if kind == 'string' then return cjson.encode(value) end
  if kind == 'number' and value == value and value < math.huge and value > -math.huge then
    return (string.gsub(string.format('%.0f', value < 0 and math.ceil(value) or math.floor(value)), '^%-0$', '0'))
  end
  if kind ~= 'table' or depth > 64 then error('the script returned what Redis has no reply for', 0) end
  if type(value.err) == 'string' then error(value.err, 0) end
  if type(value.ok) == 'string' then return cjson.encode(value.ok) end
  local items = {}
  for i, item in ipairs(value) do items[i] = encode(item, depth + 1) end
  return '[' .. table.concat(items, ',') .. ']'
end

local undone = before and cjson.decode('[' .. before.result .. ']')[1]
if undone == cjson.null then undone = nil end
local keys, arguments = {}, {}
for i = 2, #KEYS do keys[i - 1] = KEYS[i] end
for i = 6, #ARGV do arguments[i - 5] = ARGV[i] end

local done, result = pcall(function()
  local text = encode(work(keys, arguments, undone, watched, watched), 0)
  if #text > largest then error('the script returned ' .. #text .. ' bytes, over the limit of ' .. largest, 0) end
  return text
end)
if done then
  write(op, op .. ' ' .. fingerprint .. ' ' .. result)
  return { 'executed', result }
end
local problem = failure(result)
if not wrote() then return redis.error_reply(problem) end
write(op, 'torn ' .. fingerprint .. ' ' .. cjson.encode(problem))
return { 'torn', op, cjson.encode(problem) }
