-- One script call that carries calls of many callers: of each, how many arguments it has, and these. Each is done or refused by itself; one
-- that fails answers { "error", its message }.
local function each_call(call)
  local answers, base = {}, 1
  while base <= #ARGV do
    local count = tonumber(ARGV[base])
    local done, answer = pcall(call, base, base + count)
    if not done then
      local message = type(answer) == 'table' and answer.err or tostring(answer)
      -- Of a server that takes no writes the client must hear as of any command: it looks for another one.
      if string.find(message, 'READONLY', 1, true) then return redis.error_reply(message) end
      answer = { 'error', message }
    end
    answers[#answers + 1] = answer
    base = base + count + 1
  end
  return answers
end
