-- When an entry of a stream was stored, in milliseconds.
local function stored_at(fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'at' then return tonumber(fields[i + 1]) end
  end
end

-- Gives positions to the oldest events of "{namespace}:log:pending", which appends fill with "<version>:<stream>", or for several of one stream
-- with "<first version>+<how many>:<stream>". Moves them to the stream "{namespace}:log", whose ids are the positions: "<position>-0".
-- Events of the journal that were purged meanwhile get none.
-- With `before` (milliseconds) it stops at the first event that was stored later. Gives how many entries it took.
local function number_log(root, limit, before)
  local call, pending, log = redis.call, root .. 'log:pending', root .. 'log'
  local elements = call('LRANGE', pending, 0, limit - 1)
  if #elements == 0 then return 0 end
  local head, taken = tonumber(call('GET', root .. 'log:head') or 0), 0
  for _, element in ipairs(elements) do
    local version, count, stream = string.match(element, '^(%d+)%+?(%d*):(.*)$')
    local transaction = string.match(stream, '^transaction:(.*)$')
    local there = not transaction or call('EXISTS', root .. 's:' .. stream) == 1
    if there and before then
      local entry = call('XRANGE', root .. 's:' .. stream, version, version)[1]
      if entry and stored_at(entry[2]) >= before then break end
    end
    if there then
      local positions = {}
      for i = 0, (tonumber(count) or 1) - 1 do
        head = head + 1
        positions[i + 1] = head
        call('XADD', log, head .. '-0', 'e', (count == '' and version or version + i) .. ':' .. stream)
      end
      if transaction then
        -- For the purge, which takes its entries out again.
        local before_it = call('HGET', root .. 't:' .. transaction, 'log')
        local added = table.concat(positions, ',')
        call('HSET', root .. 't:' .. transaction, 'log', before_it and before_it .. ',' .. added or added)
      end
    end
    taken = taken + 1
  end
  if taken == 0 then return 0 end
  call('LTRIM', pending, taken, -1)
  call('SET', root .. 'log:head', head)
  return taken
end
