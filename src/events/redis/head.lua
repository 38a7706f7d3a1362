-- A stream's version (0: there is none), the first version that is still in its key, and its state: open, closed or tombstoned.
-- "{namespace}:heads" has "<state>:<first version>" of those streams that are not as they began.
local function head_of(root, stream)
  local state, first = 'open', 1
  local head = redis.call('HGET', root .. 'heads', stream)
  if head then
    state, first = string.match(head, '^(%a+):(%d+)$')
    first = tonumber(first)
  end
  -- Versions are dense, so what is in the key and what was moved out of it give the version.
  return redis.call('XLEN', root .. 's:' .. stream) + first - 1, first, state
end
