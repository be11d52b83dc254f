-- Lies about the time: proposals and votes carry timestamps `shift` away from its clock. With proposer-based timestamps
-- a proposal outside the agreed precision and delay must not get a quorum; with median times a minority of liars must
-- not move the block time beyond what honest clocks say.
---@type seqlab.Adversary
return {
  api = 1,
  params = { shift = "20s", alternate = false },  -- alternate: forwards and backwards in turn
  kinds = { on_send = { "proposal", "prevote", "precommit", "vote" } },
  on_send = function(ctx, msg)
    local shift = ctx:ns(ctx.params.shift)
    if ctx.params.alternate and msg.height % 2 == 0 then shift = -shift end
    ctx:send(msg.receivers, ctx:forge(msg, { timestamp_shift = shift }))
    return ctx.drop
  end,
}
