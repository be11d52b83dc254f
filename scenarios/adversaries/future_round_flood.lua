-- Signs votes for many rounds ahead of the present one, to fill the memory of its peers and to lure them into rounds
-- that nobody is in. A bounded number of future rounds a peer may be kept, and skipping ahead needs more than a third.
---@type seqlab.Adversary
return {
  api = 1,
  params = { rounds = 50 },                  -- how many ahead, each time it prevotes
  kinds = { on_send = { "prevote" } },
  on_send = function(ctx, msg)
    for ahead = 1, ctx.params.rounds do
      ctx:send(msg.receivers, ctx:forge(msg, { round = msg.round + ahead }))
    end
    return ctx.pass
  end,
}
