-- A validator whose key lives on while its memory does not: the node crashes with its disk rolled back or wiped, starts
-- again, and signs rounds that it had signed before. To be sure of a conflict it repeats its last vote for nil.
-- Evidence must name it; the others must not follow it.
local last = nil  -- its last vote for a block, kept

---@type seqlab.Adversary
return {
  api = 1,
  params = {
    every = "8s",
    down = "1s",
    disk = "wiped",                          -- or rolled_back, unsynced_lost
  },
  kinds = { on_send = { "prevote", "precommit", "vote" } },
  records = { "node_started" },
  on_start = function(ctx) ctx:after(ctx.params.every) end,
  on_timer = function(ctx)
    for _, node in ipairs(ctx.own) do
      ctx:crash(node, { restart_after = ctx.params.down, disk = ctx.params.disk })
    end
    ctx:after(ctx.params.every)
  end,
  on_send = function(ctx, msg)
    if not msg.is_nil then last = ctx:keep(msg) end
    return ctx.pass
  end,
  on_record = function(ctx, rec)
    if last == nil or rec.node ~= ctx.self or last.author ~= ctx.self then return end
    ctx:send(ctx.peers, ctx:forge(last, { nil_vote = true }))
  end,
}
