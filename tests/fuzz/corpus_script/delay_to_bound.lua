-- Holds back messages of others for as long as the grant allows (`power: {sees: headers, delay_max: ...}`): the
-- synchronous worst case. Safety must not depend on timing at all, and progress must survive any delay within the bound
-- that the design was promised.
---@type seqlab.Adversary
return {
  api = 1,
  params = {
    share = 100,                             -- percent of the messages
    only = {},                               -- kinds to delay; empty: all
  },
  on_link = function(ctx, msg)
    local only = ctx.params.only
    if #only > 0 then
      local wanted = false
      for _, kind in ipairs(only) do wanted = wanted or kind == msg.kind end
      if not wanted then return ctx.pass end
    end
    if ctx.params.share < 100 and not ctx.rng:bool(ctx.params.share, 100) then return ctx.pass end
    return ctx.grant.delay_max
  end,
}
