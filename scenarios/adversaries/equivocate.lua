-- Proposes two conflicting blocks in the rounds that its node leads, one to each half of its peers, and then votes for
-- both: each half gets votes for the block that it saw. In a DAG it shows each half another vertex, in every round.
-- Below a third of the power nobody may commit two blocks, and whoever compares notes holds evidence.
local halves = {}  -- "height/round" -> the two halves, and the two blocks that they were shown

local function key(msg) return msg.height .. "/" .. msg.round end

---@type seqlab.Adversary
return {
  api = 1,
  params = { every = 1 },                    -- attack each `every`-th round, counted by round number
  kinds = { on_send = { "proposal", "prevote", "precommit", "vertex" } },
  on_send = function(ctx, msg)
    if msg.kind == "vertex" then
      if msg.round % ctx.params.every ~= 0 then return ctx.pass end
      local left, right = ctx:split(ctx.peers)
      ctx:send(left, msg)
      ctx:send(right, ctx:forge(msg, { payload = ctx.rng:bytes(32) }))
      return ctx.drop
    end
    if msg.kind == "proposal" then
      if msg.round % ctx.params.every ~= 0 then return ctx.pass end
      local left, right = ctx:split(ctx.peers)
      local other = ctx:forge(msg, { payload = ctx.rng:bytes(32) })
      halves = { [key(msg)] = { left = left, right = right, block = msg.block, other = other.block } }
      ctx:send(left, msg)
      ctx:send(right, other)
      return ctx.drop                        -- the original broadcast does not happen
    end
    local split = halves[key(msg)]
    if split == nil then return ctx.pass end
    ctx:send(split.left, ctx:forge(msg, { block = split.block }))
    ctx:send(split.right, ctx:forge(msg, { block = split.other }))
    return ctx.drop
  end,
}
