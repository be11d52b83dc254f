-- Plays Warp's lottery with knowledge: a transaction's random value comes from the block before and from its place, and
-- who proposes knows the one and chooses the other. Holds a ticket that nobody else has seen, and puts it at the
-- first place of its own block at which it wins. If there is none it goes in anyway, unless `patient` is set. Needs an
-- account (`power: {accounts: [0]}`) and a scenario with `workload.lottery`.
local height = nil  -- of the block that holds the ticket

---@type seqlab.Adversary
return {
  api = 1,
  params = { account = 0, contract = 1, patient = false },
  records = { "committed" },
  on_start = function(ctx)
    ctx:after("100ms")
  end,
  on_timer = function(ctx)
    ctx:pay({ from = ctx.params.account, to = ctx.params.contract, amount = 1 })
  end,
  on_build = function(ctx, txs, at)
    local block = {}
    local ticket = nil
    for _, tx in ipairs(txs) do
      if tx.sender ~= ctx.params.account then
        block[#block + 1] = tx
      elseif ticket == nil then
        ticket = tx
      end
    end
    if ticket == nil then return block end
    local place = nil
    for index = 0, #block do
      if ctx:would_win(index) then
        place = index
        break
      end
    end
    if place == nil and ctx.params.patient then return block end
    table.insert(block, (place or #block) + 1, ticket)
    height = at
    return block
  end,
  on_record = function(ctx, rec)
    if rec.node ~= ctx.self or height == nil or rec.height < height then return end
    height = nil
    ctx:after("1ms")  -- the next ticket
  end,
}
