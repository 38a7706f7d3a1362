-- Redis makes a new stream 4 KB large, for what may come. Most streams stay short: a copy is as large as what is in it.
local function fit_to_size(root, stream)
  redis.call('COPY', stream, root .. 'copy')
  redis.call('RENAME', root .. 'copy', stream)
end
