-- Tail-forking: when it leads, its node "did not receive" the votes for the block of the leader before, nor the
-- certificate made from them. It gives the round up with the others, and whatever it proposes then stands on an older
-- certificate. In engines that send votes to the next leader alone the block is lost; one that lets the block's own
-- leader make a certificate as well, or hands the block's header from leader to leader, keeps it.
---@type seqlab.Adversary
return {
  api = 1,
  params = { every = 1 },                    -- hide those of each `every`-th round, counted by round number
  kinds = { on_receive = { "vote", "certificate" } },
  on_receive = function(ctx, msg)
    if msg.round % ctx.params.every ~= 0 then return ctx.pass end
    return ctx.drop
  end,
}
