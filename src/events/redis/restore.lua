-- Stores events of a dump with the versions, positions and times they had there, all or none.
--
-- KEYS[1]  root of the namespace's keys, "{namespace}:"; all keys built from it share its slot
-- ARGV[1]  type of the last event of a tombstoned stream
-- ARGV[2…] nine for each event, in the order of positions: position, stream, version, id, type, data, time in milliseconds, schema version
--          ("" = 1), metadata ("" = {})
--
-- Gives nothing, or the stream of which events are missing.

local root = KEYS[1]
local versions = {}
for i = 2, #ARGV, 9 do
  local stream, version = ARGV[i + 1], tonumber(ARGV[i + 2])
  local before = versions[stream] or head_of(root, stream)
  if ARGV[i + 4] ~= ARGV[1] and version ~= before + 1 then return stream end
  versions[stream] = version
end
for i = 2, #ARGV, 9 do
  local stream, version = ARGV[i + 1], ARGV[i + 2]
  local fields = { 'id', ARGV[i + 3], 'type', ARGV[i + 4], 'data', ARGV[i + 5], 'at', ARGV[i + 6] }
  if ARGV[i + 7] ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'schema', ARGV[i + 7]
  end
  if ARGV[i + 8] ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'meta', ARGV[i + 8]
  end
  redis.call('XADD', root .. 's:' .. stream, version .. '-0', unpack(fields))
  if version == '1' then fit_to_size(root, root .. 's:' .. stream) end
  redis.call('HSET', root .. 'ids', ARGV[i + 3], version .. ':' .. stream)
  if ARGV[i + 4] == ARGV[1] then redis.call('HSET', root .. 'heads', stream, 'tombstoned:' .. version) end
  redis.call('XADD', root .. 'log', ARGV[i] .. '-0', 'e', version .. ':' .. stream)
  redis.call('SET', root .. 'log:head', ARGV[i])
end
