-- Leaves one account out: its transactions are neither taken into blocks that this node builds, nor accepted from
-- clients, nor passed on. With honest proposers in turn they are late, not lost; with one sequencer they are lost.
---@type seqlab.Adversary
return {
  api = 1,
  params = { account = 0 },
  kinds = { on_receive = { "transaction" }, on_send = { "transaction" } },
  on_build = function(ctx, txs)
    local kept = {}
    for _, tx in ipairs(txs) do
      if tx.sender ~= ctx.params.account then kept[#kept + 1] = tx end
    end
    return kept
  end,
  on_receive = function(ctx, msg)
    return msg.sender == ctx.params.account and ctx.drop or ctx.pass
  end,
  on_send = function(ctx, msg)
    return msg.sender == ctx.params.account and ctx.drop or ctx.pass
  end,
}
