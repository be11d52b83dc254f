-- Keeps its votes back and hands them out late, or never. Held votes of rounds that are over must neither be counted
-- for a later round nor crash anybody; an engine that waits for "all votes" instead of a quorum stops here.
---@type seqlab.Adversary
return {
  api = 1,
  params = {
    votes = { "prevote", "precommit" },      -- which
    release_after = "never",                 -- or a duration such as "5s"
    share = 100,                             -- percent of them
  },
  kinds = { on_send = { "prevote", "precommit", "vote", "timeout" } },
  on_send = function(ctx, msg)
    local wanted = false
    for _, kind in ipairs(ctx.params.votes) do wanted = wanted or kind == msg.kind end
    if not wanted or not ctx.rng:bool(ctx.params.share, 100) then return ctx.pass end
    if ctx.params.release_after ~= "never" then
      ctx:send(msg.receivers, msg, { delay = ctx.params.release_after })
    end
    return ctx.drop
  end,
}
