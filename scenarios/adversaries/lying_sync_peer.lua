-- Misleads nodes that catch up. It tells them stories about where it is (statuses of an earlier moment instead of the
-- present ones) and answers requests for blocks with blocks of other heights, or not at all. Whoever lags must give
-- up on such a peer and ask somebody else.
local old_status = nil
local responses = {}   -- block responses that it was asked for before, kept

---@type seqlab.Adversary
return {
  api = 1,
  params = { answer = "wrong" },             -- or "nothing"
  kinds = { on_send = { "status", "block_response", "votes_request" } },
  on_send = function(ctx, msg)
    if msg.kind == "status" then
      if old_status == nil or ctx.rng:bool(1, 8) then old_status = ctx:keep(msg) end
      ctx:send(msg.receivers, old_status)
      return ctx.drop
    end
    if msg.kind == "block_response" then
      if #responses < 16 then responses[#responses + 1] = ctx:keep(msg) end
      if ctx.params.answer == "nothing" then return ctx.drop end
      local answer = ctx.rng:pick(responses)
      if answer.height ~= msg.height then ctx:send(msg.receivers, answer) end
    end
    return ctx.drop
  end,
}
