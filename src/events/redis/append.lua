-- Appends batches of events to streams, one to each, all or none. One call carries the appends of many callers.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV     see batch.lua; the texts of each append are data and metadata ("" = {}) of its events, its arguments: number of texts, number of
--          streams; then for each of them
--          the stream, "<aggregateType>:<aggregateId>"
--          expected version: a number, "none", "exists" or "any"
--          number of events
--          three for each event: id, type, schema version ("" = 1)
--
-- Gives of each append { "ok", then for each stream first version, last version, 1 if events with these ids were stored there before }: the caller
-- checks that they are the same; or, with the number of the stream (from 1), { "reused", number, position in the batch, stream it is in },
-- { "partial", number, how many were stored before }, { "state", number, state, actual version } or { "version", number, actual version }.
--
-- "{namespace}:ids" says of every event id where it was stored, "<version>:<stream>". It is one hash for all streams, because an id may be used
-- in one of them only; an id leaves it when its stream is tombstoned.

local root, call = KEYS[1], redis.call
local ids = root .. 'ids'
local now = now_ms()
-- A call takes longer than what it does: so one for many ids. Lua hands over some thousand arguments at most.
local CHUNK = 1000

local function places_of(args, first_event, count)
  local places = {}
  for from = 0, count - 1, CHUNK do
    local wanted = {}
    for i = from, math.min(from + CHUNK, count) - 1 do wanted[#wanted + 1] = args[first_event + 3 * i] end
    for _, place in ipairs(call('HMGET', ids, unpack(wanted))) do places[#places + 1] = place end
  end
  return places
end

local function append(args, texts)
  local streams, reply, repeated, at = {}, { 'ok' }, 0, 3
  for number = 1, args[2] do
    local stream, expected, count, first_event = args[at], args[at + 1], args[at + 2], at + 3
    at = first_event + 3 * count
    local first_text = texts + 1
    texts = texts + 2 * count

    local known, first, last, dense = 0, nil, nil, true
    for position, place in ipairs(places_of(args, first_event, count)) do
      if place then
        local version, where = string.match(place, '^(%d+):(.*)$')
        if where ~= stream then return { 'reused', number, position - 1, where } end
        version = tonumber(version)
        dense = dense and (last == nil or version == last + 1)
        first, last, known = first or version, version, known + 1
      end
    end
    if known > 0 and known < count then return { 'partial', number, known } end

    if known == count then
      if not dense then return { 'reused', number, 0, stream } end
      repeated = repeated + 1
    else
      local version, _, state = head_of(root, stream)
      if state ~= 'open' then return { 'state', number, state, version } end
      local fits = expected == 'any' or (expected == 'none' and version == 0) or (expected == 'exists' and version > 0)
        or tonumber(expected) == version
      if not fits then return { 'version', number, version } end
      first, last = version + 1, version + count
      streams[#streams + 1] = { name = stream, key = root .. 's:' .. stream, version = version, count = count, at = first_event, texts = first_text }
    end
    reply[#reply + 1] = first
    reply[#reply + 1] = last
    reply[#reply + 1] = known == count and 1 or 0
  end
  if repeated > 0 and #streams > 0 then return { 'partial', 0, repeated } end

  -- The first write is one that Redis refuses when its memory is full: so all of the append is done, or nothing.
  local log, places = {}, {}
  for _, stream in ipairs(streams) do
    for i = 0, stream.count - 1 do
      local from, text, version = stream.at + 3 * i, stream.texts + 2 * i, stream.version + i + 1
      local id, schema, data, metadata = args[from], args[from + 2], ARGV[text], ARGV[text + 1]
      if schema == '' and metadata == '' then
        call('XADD', stream.key, version .. '-0', 'id', id, 'type', args[from + 1], 'data', data, 'at', now)
      else
        local fields = { 'id', id, 'type', args[from + 1], 'data', data, 'at', now }
        if schema ~= '' then
          fields[#fields + 1], fields[#fields + 2] = 'schema', schema
        end
        if metadata ~= '' then
          fields[#fields + 1], fields[#fields + 2] = 'meta', metadata
        end
        call('XADD', stream.key, version .. '-0', unpack(fields))
      end
      places[#places + 1] = id
      places[#places + 1] = version .. ':' .. stream.name
    end
    if stream.version == 0 then fit_to_size(root, stream.key) end
    log[#log + 1] = stream.version + 1 .. (stream.count > 1 and '+' .. stream.count or '') .. ':' .. stream.name
  end
  for i = 1, #places, 2 * CHUNK do call('HSET', ids, unpack(places, i, math.min(i + 2 * CHUNK - 1, #places))) end
  -- The global order: number_log() gives them their positions.
  for i = 1, #log, CHUNK do call('RPUSH', root .. 'log:pending', unpack(log, i, math.min(i + CHUNK - 1, #log))) end
  return reply
end

return each_call(append)
