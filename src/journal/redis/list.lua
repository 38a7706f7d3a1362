-- A page of summaries, newest start first, and among equal starts the greatest id first: the order of the sorted sets, read backwards.
-- Walks the smallest index that fits the filter and checks the other conditions on each summary.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  most summaries to give
-- ARGV[2]  most entries to look at
-- ARGV[3]  start time of the last entry of the page before, "" for the first page
-- ARGV[4]  its id
-- ARGV[5]  number of statuses, 0 for any
-- ARGV[6…] the statuses; then pairs of summary field and the value it must have
--
-- Gives { start time of the last entry looked at, its id, then id and fields of each summary }. The first is "" when there are no more.

local root, limit, budget, from, fromId = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
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
  if not from then return 0 end
  local low = redis.call('ZCOUNT', key, '(' .. ARGV[3], '+inf')
  local high = low + redis.call('ZCOUNT', key, ARGV[3], ARGV[3])
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(fromId, redis.call('ZREVRANGE', key, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

local function fill(source)
  source.buffer = redis.call('ZREVRANGE', source.key, source.rank, source.rank + CHUNK - 1, 'WITHSCORES')
  source.rank, source.position = source.rank + CHUNK, 1
end

local wanted, fields, values, sources, size = {}, {}, {}, { root .. 'all' }, math.huge
local statuses = tonumber(ARGV[5])
if statuses > 0 then
  sources, size = {}, 0
  for i = 6, 5 + statuses do
    wanted[ARGV[i]] = true
    sources[#sources + 1] = root .. 'status=' .. ARGV[i]
    size = size + redis.call('ZCARD', sources[#sources])
  end
end
for i = 6 + statuses, #ARGV, 2 do
  fields[#fields + 1], values[#values + 1] = ARGV[i], ARGV[i + 1]
  local key = root .. ARGV[i] .. '=' .. ARGV[i + 1]
  local card = redis.call('ZCARD', key)
  if card < size then sources, size = { key }, card end
end
local checked = #fields
if statuses > 0 then fields[#fields + 1] = 'status' end

local function fits(summary)
  if #fields == 0 then return true end
  local found = redis.call('HMGET', summary, unpack(fields))
  for i = 1, checked do
    if found[i] ~= values[i] then return false end
  end
  return statuses == 0 or wanted[found[#fields]] == true
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
    if id then
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
  if fits(root .. 't:' .. id) then
    found = found + 1
    page[#page + 1], page[#page + 2] = id, redis.call('HGETALL', root .. 't:' .. id)
  end
  source = nextSource()
end
if not source then page[1] = '' end
return page
