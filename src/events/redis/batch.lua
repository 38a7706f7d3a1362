-- One script call that carries calls of many callers. ARGV[1] is a JSON array: of each call the list of its arguments, the first of which says how
-- many long texts it has; these are the ARGV that follow, call by call. `call` gets its arguments and the place in ARGV before its texts. Each is
-- done or refused by itself; one that fails answers { "error", its message }.
local function each_call(call)
  local answers, texts = {}, 1
  for place, args in ipairs(cjson.decode(ARGV[1])) do
    local done, answer = pcall(call, args, texts)
    if not done then
      local message = type(answer) == 'table' and answer.err or tostring(answer)
      -- Of a server that takes no writes the client must hear as of any command: it looks for another one.
      if string.find(message, 'READONLY', 1, true) then return redis.error_reply(message) end
      answer = { 'error', message }
    end
    answers[place] = answer
    texts = texts + args[1]
  end
  return answers
end
