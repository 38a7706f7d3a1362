-- A participant's work that is a list of commands.
--
-- KEYS  every key that the commands use
-- ARGV[1]  the commands, as JSON: [["DECRBY", "stock:1", "5"], …]
--
-- Gives the replies.

local replies = {}
for i, command in ipairs(cjson.decode(ARGV[1])) do
  local reply = redis.call(unpack(command))
  -- A nil would end the list of replies.
  if reply == nil then reply = false end
  replies[i] = reply
end
return replies
