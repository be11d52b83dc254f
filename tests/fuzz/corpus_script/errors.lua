local t = setmetatable({}, { __index = function(t, k) return k .. "x" end, __close = function() error({}) end })
return { api = 1, on_start = function(ctx)
  local c <close> = t
  print(pcall(error, nil), xpcall(error, function(e) return e end, {}), t.y)
  table.sort({ 3, 1, 2 }, function(a, b) return a < b end)
  ctx:after("1ms", { 1 })
end, on_timer = function(ctx, v) error(setmetatable({}, { __tostring = error })) end }
