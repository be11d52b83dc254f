-- Sends nothing at all, from `after` on. To its peers it is a crashed node that still holds its stake: with a third of
-- the power or more in silent hands nobody can commit, with less everybody must.
---@type seqlab.Adversary
return {
  api = 1,
  params = { after = "0s" },
  on_send = function(ctx, msg)
    if ctx.now < ctx:ns(ctx.params.after) then return ctx.pass end
    return ctx.drop
  end,
}
