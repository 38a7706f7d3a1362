-- Gives positions to what was appended, and reads the log after a position.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  position to read after
-- ARGV[2]  at most so many events
-- ARGV[3]  at most so many entries are looked at
-- ARGV[4]  mark of that position, from the page before; "" when there is none
-- ARGV[5]  number of partitions; 0: all aggregates
-- ARGV[6]  partition
-- ARGV[7…] categories, as they stand in keys; none: all but "transaction"
--
-- Gives { position read to, more, head, mark, "same" | "other", then for each event: position, version, stream, hash of its key, its entry or
-- false where it is archived or gone }. "other": at ARGV[1] stands another event than the reader saw there.

local root, after, limit, scan = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local partitions, partition = tonumber(ARGV[5]), tonumber(ARGV[6])

local wanted
for i = 7, #ARGV do
  wanted = wanted or {}
  wanted[ARGV[i]] = true
end

local function entry_of(element)
  local version, stream = string.match(element, '^(%d+):(.*)$')
  local entry = redis.call('XRANGE', root .. 's:' .. stream, version, version)[1]
  return entry or false, version, stream
end

-- What stands at a position, with the time it was stored: after a failover another event may stand there.
local function mark_of(element)
  local entry = entry_of(element)
  return entry and stored_at(entry[2]) .. ' ' .. element or ''
end

local numbered = number_log(root, 1000)
local head = tonumber(redis.call('GET', root .. 'log:head') or 0)

local same = 'same'
if ARGV[4] ~= '' then
  local known = redis.call('XRANGE', root .. 'log', after, after)[1]
  local mark = known and mark_of(known[2][2]) or ''
  if mark ~= '' and mark ~= ARGV[4] then same = 'other' end
end

local entries = redis.call('XRANGE', root .. 'log', after + 1, '+', 'COUNT', scan)
local reply, found, position, last = { 0, 0, head, '', same }, {}, math.max(after, head), nil
if #entries == scan then position = tonumber(string.match(entries[scan][1], '^%d+')) end
-- Of each stream: its hash, false when it is not wanted, and the first and last version that are.
local streams = {}
for _, logged in ipairs(entries) do
  local element = logged[2][2]
  local version, stream = string.match(element, '^(%d+):(.*)$')
  local known = streams[stream]
  if known == nil then
    local category = string.match(stream, '^[^:]*')
    local fits = category ~= 'transaction'
    if wanted then fits = wanted[category] end
    local hash = fits and tonumber(string.sub(redis.sha1hex(stream), 1, 7), 16)
    known = fits and (partitions == 0 or hash % partitions == partition) and { hash = hash, first = version } or false
    streams[stream] = known
  end
  last = element
  if known then
    known.last = version
    local at = tonumber(string.match(logged[1], '^%d+'))
    found[#found + 1] = { at, tonumber(version), stream, known.hash, false }
    if #found == limit then
      position = at
      break
    end
  end
end
-- The versions of a stream that stand in a row in the log do so in the stream: one look for all of them.
for stream, known in pairs(streams) do
  if known then
    known.entries = {}
    for _, entry in ipairs(redis.call('XRANGE', root .. 's:' .. stream, known.first, known.last)) do
      known.entries[tonumber(string.match(entry[1], '^%d+'))] = entry
    end
  end
end
for _, one in ipairs(found) do
  one[5] = streams[one[3]].entries[one[2]] or false
  reply[#reply + 1] = one
end

reply[1] = position
if numbered == 1000 or #found == limit or #entries == scan then reply[2] = 1 end
if last then reply[4] = mark_of(last) else reply[4] = ARGV[4] end
return reply
