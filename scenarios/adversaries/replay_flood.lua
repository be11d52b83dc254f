-- Sends everything that it hears to everybody again, `times` over and late. Every copy is authentic, so no signature
-- check stops it: duplicates must be cheap, counted once, and never move a node back to an old round.
---@type seqlab.Adversary
return {
  api = 1,
  params = { times = 2, delay = "3s", share = 20 },
  kinds = { on_receive = { "proposal", "prevote", "precommit", "vote", "evidence" } },
  on_receive = function(ctx, msg)
    if not ctx.rng:bool(ctx.params.share, 100) then return ctx.pass end
    for i = 1, ctx.params.times do
      ctx:send(ctx.peers, msg, { delay = i * ctx:ns(ctx.params.delay) })
    end
    return ctx.pass
  end,
}
