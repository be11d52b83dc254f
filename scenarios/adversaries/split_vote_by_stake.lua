-- Votes for the block to one half of the voting power and for nil to the other, so that neither side sees a quorum
-- early. The halves stay the same within a height: the strongest way to keep the two sides of different mind.
local left, right
local at_height = 0

---@type seqlab.Adversary
return {
  api = 1,
  params = { votes = { "prevote", "precommit" } },
  kinds = { on_send = { "prevote", "precommit" } },
  on_send = function(ctx, msg)
    local wanted = false
    for _, kind in ipairs(ctx.params.votes) do wanted = wanted or kind == msg.kind end
    if not wanted or msg.is_nil then return ctx.pass end
    if msg.height ~= at_height then
      at_height = msg.height
      left, right = ctx:split_by_power(ctx.peers)
    end
    ctx:send(left, msg)
    ctx:send(right, ctx:forge(msg, { nil_vote = true }))
    return ctx.drop
  end,
}
