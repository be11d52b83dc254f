return { api = 1, on_send = function(ctx, msg)
  local t = { 1, nil, 3, n = #msg.kind } t[#t + 1] = #{#"a", ...} t.n = nil
  for i = #t, 1, -1 do t[i] = -#t end
  print(#setmetatable({}, { __len = function(x) return rawlen(x) end }), not #t)
  return #t > 2 and ctx.drop or ctx.pass
end }
