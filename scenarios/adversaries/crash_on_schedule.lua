-- Crashes one node after another, `every` so often, and starts it again `down` later (needs `power: {crashes_max: ...}`
-- for nodes that are not its own). What was promised before a crash must hold after it.
local turn = 0

---@type seqlab.Adversary
return {
  api = 1,
  params = {
    nodes = {},                              -- victims in order; empty: all nodes
    every = "10s",
    down = "3s",
    disk = "unsynced_lost",                  -- or torn_tail
  },
  on_start = function(ctx) ctx:after(ctx.params.every) end,
  on_timer = function(ctx)
    local nodes = #ctx.params.nodes > 0 and ctx.params.nodes or ctx.nodes
    ctx:crash(nodes[turn % #nodes + 1], { restart_after = ctx.params.down, disk = ctx.params.disk })
    turn = turn + 1
    ctx:after(ctx.params.every)
  end,
}
