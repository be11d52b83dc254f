-- Proposes what was proposed before: in the rounds that its node leads it sends a proposal that it has seen earlier,
-- its own or a copy of somebody else's under its own name, for the present height and round. Its parent is long buried.
local seen = {}

---@type seqlab.Adversary
return {
  api = 1,
  params = { share = 50 },                   -- percent of the led rounds
  kinds = { on_send = { "proposal" }, on_receive = { "proposal" } },
  on_receive = function(ctx, msg)
    if #seen < 32 then seen[#seen + 1] = ctx:keep(msg) end
    return ctx.pass
  end,
  on_send = function(ctx, msg)
    if #seen == 0 or not ctx.rng:bool(ctx.params.share, 100) then return ctx.pass end
    local stale = ctx:forge(ctx.rng:pick(seen), { height = msg.height, round = msg.round, valid_round = -1 })
    ctx:send(msg.receivers, stale)
    return ctx.drop
  end,
}
