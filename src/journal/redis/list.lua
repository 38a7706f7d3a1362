-- A page of summaries, newest start first, and among equal starts the greatest id first: the order of the sorted sets, read backwards.
-- Walks the smallest index that fits the filter and checks the other conditions on each summary.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  most summaries to give
-- ARGV[2]  most entries to look at
-- ARGV[3]  start time of the last entry of the page before, "" for the first page
-- ARGV[4]  its id
-- ARGV[5]  only what started then or later, "" for any
-- ARGV[6]  only what started before then, "" for any
-- ARGV[7]  beginning of the id, "" for any
-- ARGV[8]  part of the error in lower case, "" for any
-- ARGV[9]  number of statuses, 0 for any
-- ARGV[10] number of sagas, 0 for any
-- ARGV[11…] the statuses; the sagas; then pairs of summary field and the value it must have
--
-- Gives { start time of the last entry looked at, its id, then id and fields of each summary }. The first is "" when there are no more.

local root, limit, budget, from, fromId = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local earliest, before, prefix, message = tonumber(ARGV[5]), ARGV[6], ARGV[7], ARGV[8]
local CHUNK = 100

-- Byte by byte like the sorted sets: Lua's own comparison follows the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Rank of the first entry after the page before. The entry it ended with may be gone: it is looked for by value.
local function rankAfter(key)
  local skipped = before ~= '' and redis.call('ZCOUNT', key, before, '+inf') or 0
  if not from then return skipped end
  local low = redis.call('ZCOUNT', key, '(' .. ARGV[3], '+inf')
  local high = low + redis.call('ZCOUNT', key, ARGV[3], ARGV[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(fromId, redis.call('ZREVRANGE', key, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return math.max(low, skipped)
end

local function fill(source)
  source.buffer = redis.call('ZREVRANGE', source.key, source.rank, source.rank + CHUNK - 1, 'WITHSCORES')
  source.rank, source.position = source.rank + CHUNK, 1
end

local function sizeOf(key)
  if not earliest and before == '' then return redis.call('ZCARD', key) end
  return redis.call('ZCOUNT', key, earliest and ARGV[5] or '-inf', before == '' and '+inf' or '(' .. before)
end

local sources, size = { root .. 'all' }, math.huge
-- Walks these instead when they are fewer.
local function prefer(keys)
  local sum = 0
  for _, key in ipairs(keys) do sum = sum + sizeOf(key) end
  if sum < size then sources, size = keys, sum end
end

local at = 11
-- The next values of ARGV as a set, or nil when there are none: then any will do.
local function oneOf(field, count)
  if count == 0 then return nil end
  local set, keys = {}, {}
  for i = at, at + count - 1 do
    set[ARGV[i]] = true
    keys[#keys + 1] = root .. field .. '=' .. ARGV[i]
  end
  at = at + count
  prefer(keys)
  return set
end
local statuses = oneOf('status', tonumber(ARGV[9]))
local sagas = oneOf('saga', tonumber(ARGV[10]))

local fields, values = { 'status', 'saga', 'error' }, {}
for i = at, #ARGV, 2 do
  local number = #fields + 1
  fields[number], values[number] = ARGV[i], ARGV[i + 1]
  prefer({ root .. ARGV[i] .. '=' .. ARGV[i + 1] })
end
local looks = statuses or sagas or message ~= '' or #fields > 3

local function fits(id)
  if prefix ~= '' and string.sub(id, 1, #prefix) ~= prefix then return false end
  if not looks then return true end
  local found = redis.call('HMGET', root .. 't:' .. id, unpack(fields))
  for i = 4, #fields do
    if found[i] ~= values[i] then return false end
  end
  if statuses and not statuses[found[1]] then return false end
  if sagas and not sagas[found[2]] then return false end
  return message == '' or (found[3] and string.find(string.lower(found[3]), message, 1, true) ~= nil)
end

for i, key in ipairs(sources) do
  sources[i] = { key = key, rank = rankAfter(key) }
  fill(sources[i])
end

-- The source whose next entry comes first, or nil when all are at their end.
local function nextSource()
  local best, bestScore, bestId
  for _, source in ipairs(sources) do
    if source.position > #source.buffer and #source.buffer == 2 * CHUNK then fill(source) end
    local id = source.buffer[source.position]
    if id and not (earliest and tonumber(source.buffer[source.position + 1]) < earliest) then
      local score = tonumber(source.buffer[source.position + 1])
      if not best or score > bestScore or (score == bestScore and greater(id, bestId)) then
        best, bestScore, bestId = source, score, id
      end
    end
  end
  return best
end

local page, found, seen = { '', '' }, 0, 0
local source = nextSource()
while source and found < limit and seen < budget do
  local id, score = source.buffer[source.position], source.buffer[source.position + 1]
  source.position, seen = source.position + 2, seen + 1
  page[1], page[2] = score, id
  if fits(id) then
    found = found + 1
    page[#page + 1], page[#page + 2] = id, redis.call('HGETALL', root .. 't:' .. id)
  end
  source = nextSource()
end
if not source then page[1] = '' end
return page
