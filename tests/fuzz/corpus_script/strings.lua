return { api = 1, on_send = function(ctx, msg)
  for k, v in string.gmatch("a=1, b=2", "(%w+)=(%w+)") do print(k, v) end
  print(string.gsub("f(a(b))", "%b()", "%0%0"), string.find("abc", "%f[%w]%w+", 1), ("x"):rep(3, ","))
  print(string.format("%5.2f %q %x %s %-5d|", 1.5, "a\n", 255, {}, 42), utf8.char(241))
  return ctx.drop
end }
