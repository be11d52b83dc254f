-- Does anything: each message of its nodes passes, is lost, late, sent to half of the receivers, replaced by a forged
-- one, accompanied by a forged one, or joined by an old one. The hammer for what no script thought of. Its twin in C++
-- is native:random_byzantine, for campaigns.
local old = {}

local function forged(ctx, msg)
  local way = ctx.rng:int(1, 4)
  if way == 1 then return ctx:forge(msg, { nil_vote = true }) end
  if way == 2 then return ctx:forge(msg, { payload = ctx.rng:bytes(8) }) end
  if way == 3 then return ctx:forge(msg, { round = ctx.rng:int(0, 3) }) end
  local id = string.gsub(ctx.rng:bytes(16), ".", function(c) return string.format("%02x", string.byte(c)) end)
  return ctx:forge(msg, { block = id })      -- a block that nobody has
end

---@type seqlab.Adversary
return {
  api = 1,
  params = { percent = 50 },                 -- of the messages are tampered with
  on_send = function(ctx, msg)
    local kept = ctx:keep(msg)
    if #old < 64 then old[#old + 1] = kept else old[ctx.rng:int(1, 64)] = kept end
    if not ctx.rng:bool(ctx.params.percent, 100) then return ctx.pass end
    local way = ctx.rng:int(1, 6)
    if way == 1 then return ctx.drop end
    if way == 2 then
      ctx:send(msg.receivers, msg, { delay = ctx.rng:int(0, 2000000000) })
      return ctx.drop
    end
    if way == 3 then
      local _, half = ctx:split(msg.receivers)
      ctx:send(half, msg)
      return ctx.drop
    end
    if way == 6 then
      ctx:send(msg.receivers, ctx.rng:pick(old))
      return ctx.pass
    end
    local other = forged(ctx, msg)
    if other == nil then return ctx.pass end -- this kind carries no signature of its own
    ctx:send(msg.receivers, other)
    return way == 4 and ctx.drop or ctx.pass
  end,
}
