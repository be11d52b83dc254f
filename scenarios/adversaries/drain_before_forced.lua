-- Makes forced items fail without leaving one out (bug zoo, Z66). When a block of its own takes items from layer 1, the
-- account that they count on is emptied by a payment in that very block; once the block is committed the money comes
-- back. Without items it does nothing. Needs both accounts (`power: {accounts: [0, 1]}`).
local drained = nil  -- height of the block that holds the payment

---@type seqlab.Adversary
return {
  api = 1,
  params = { pool = 0, other = 1, amount = 1000000 },
  records = { "committed" },
  on_timer = function(ctx)
    -- Nobody else knows of the payment before it is needed.
    ctx:pay({ from = ctx.params.pool, to = ctx.params.other, amount = ctx.params.amount })
  end,
  on_start = function(ctx)
    ctx:after("1s")
  end,
  on_build = function(ctx, txs, height)
    local kept = {}
    local drain = nil
    for _, tx in ipairs(txs) do
      if tx.sender ~= ctx.params.pool then
        kept[#kept + 1] = tx
      elseif ctx.forced > 0 and drain == nil then
        drain = tx
      end
    end
    if drain then
      kept[#kept + 1] = drain
      drained = height
    end
    return kept
  end,
  on_record = function(ctx, rec)
    if rec.node ~= ctx.self or drained == nil or rec.height < drained then return end
    drained = nil
    local back = ctx:pay({ from = ctx.params.other, to = ctx.params.pool, amount = ctx.params.amount })
    if back then ctx:send(ctx.peers, back) end
    ctx:after("1ms")  -- the next one
  end,
}
