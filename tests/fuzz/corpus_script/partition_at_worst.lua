-- Cuts the network at the worst moment: when the first node has seen a quorum of prevotes for a block and is about to
-- lock it, it is cut off with those that saw it too (needs `power: {sees: headers, partitions_max, partition_max}`).
-- Locked and unlocked nodes then sit on different sides; when the cut heals they must still agree, and go on.
local cut_at = {}  -- heights that had their cut

---@type seqlab.Adversary
return {
  api = 1,
  params = {
    lasts = "4s",
    every = 5,                               -- heights between two cuts
    with = 0,                                -- other nodes on the side of the first one that saw the quorum
  },
  records = { "certified" },
  on_record = function(ctx, rec)
    if rec.detail ~= "prevote" or rec.height % ctx.params.every ~= 0 or cut_at[rec.height] then return end
    cut_at[rec.height] = true
    local rest = {}
    for _, node in ipairs(ctx.nodes) do
      if node ~= rec.node then rest[#rest + 1] = node end
    end
    ctx.rng:shuffle(rest)
    local side = { rec.node }
    for _ = 1, math.min(ctx.params.with, #rest - 1) do side[#side + 1] = table.remove(rest) end
    ctx:partition({ side, rest }, ctx.params.lasts)
  end,
}
