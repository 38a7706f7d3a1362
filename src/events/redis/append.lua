-- Appends a batch of events to one stream, all or none.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  stream, "<aggregateType>:<aggregateId>"
-- ARGV[2]  expected version: a number, "none", "exists" or "any"
-- ARGV[3…] six for each event: id, hash of its content, type, data, schema version ("" = 1), metadata ("" = {})
--
-- Gives { "ok" | "duplicate", first version, last version }, { "reused", position in the batch, stream it is in },
-- { "partial", how many were stored before } or { "version", actual version }.
--
-- "{namespace}:ids" says of every event id where it was stored, "<version>:<content hash>:<stream>", so it grows with the number of
-- events ever stored. Bounding it means to forget ids of old events, and to say so in append's contract.

local root, stream, expected = KEYS[1], ARGV[1], ARGV[2]
local key, ids = root .. 's:' .. stream, root .. 'ids'
local count = (#ARGV - 2) / 6

local known, first, last, dense = 0, nil, nil, true
for i = 0, count - 1 do
  local place = redis.call('HGET', ids, ARGV[3 + 6 * i])
  if place then
    local version, rest = string.match(place, '^(%d+):(.*)$')
    if rest ~= ARGV[4 + 6 * i] .. ':' .. stream then
      return { 'reused', i, string.match(rest, '^%x+:(.*)$') }
    end
    version = tonumber(version)
    dense = dense and (last == nil or version == last + 1)
    first, last, known = first or version, version, known + 1
  end
end
if known == count then
  if not dense then return { 'reused', 0, stream } end
  return { 'duplicate', first, last }
end
if known > 0 then return { 'partial', known } end

-- Streams are dense and never trimmed, so their length is their version.
local version = redis.call('XLEN', key)
local fits = expected == 'any' or (expected == 'none' and version == 0) or (expected == 'exists' and version > 0)
  or tonumber(expected) == version
if not fits then return { 'version', version } end

local now = now_ms()
for i = 0, count - 1 do
  local at = 3 + 6 * i
  local fields = { 'id', ARGV[at], 'type', ARGV[at + 2], 'data', ARGV[at + 3], 'at', now }
  if ARGV[at + 4] ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'schema', ARGV[at + 4]
  end
  if ARGV[at + 5] ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'meta', ARGV[at + 5]
  end
  redis.call('XADD', key, (version + i + 1) .. '-0', unpack(fields))
  redis.call('HSET', ids, ARGV[at], (version + i + 1) .. ':' .. ARGV[at + 1] .. ':' .. stream)
end
return { 'ok', version + 1, version + count }
