-- Forgets that it is locked: whatever its honest code decides, it prevotes and precommits the block that is proposed in
-- the round, never nil and never an older lock. No round has two votes of one key, so comparing votes of a round finds
-- nothing; only the history of votes shows that a lock was broken without a newer polka. (In the accountability
-- terms of the Tendermint family: the amnesia attack.)
local proposed = {}  -- round -> block, of one height
local at_height = 0

---@type seqlab.Adversary
return {
  api = 1,
  kinds = { on_receive = { "proposal" }, on_send = { "proposal", "prevote", "precommit" } },
  on_receive = function(ctx, msg)
    if msg.height > at_height then
      at_height = msg.height
      proposed = {}
    end
    if msg.height == at_height then proposed[msg.round] = msg.block end
    return ctx.pass
  end,
  on_send = function(ctx, msg)
    if msg.kind == "proposal" then
      if msg.valid_round < 0 then return ctx.pass end
      -- Locked on an older block, it would propose that again: it makes up a new one.
      ctx:send(msg.receivers, ctx:forge(msg, { valid_round = -1, payload = ctx.rng:bytes(16) }))
      return ctx.drop
    end
    local block = msg.height == at_height and proposed[msg.round] or nil
    if block == nil or block == msg.block then return ctx.pass end
    ctx:send(msg.receivers, ctx:forge(msg, { block = block }))
    return ctx.drop
  end,
}
