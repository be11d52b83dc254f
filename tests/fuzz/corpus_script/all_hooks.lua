return { api = 1, params = { a = 1, b = "x", c = { "y" }, d = true }, records = { "certified" },
  kinds = { on_send = { "prevote" } },
  on_start = function(ctx) ctx:after(5, "x") ctx:crash("n1", { restart_after = "1s", disk = "wiped" }) end,
  on_send = function(ctx, msg) ctx:send(ctx.peers, ctx:forge(msg, { nil_vote = true, round = 3 })) return ctx.drop end,
  on_receive = function(ctx, msg) ctx:keep(msg) return ctx.pass end,
  on_build = function(ctx, txs, height, round) table.remove(txs) return ctx.rng:shuffle(txs) end,
  on_link = function(ctx, msg) return msg.kind == "prevote" and "5ms" or ctx.grant.delay_max end,
  on_timer = function(ctx, v) ctx:note(1, 2) ctx:jump_clock("n3", "-1s") end,
  on_record = function(ctx, rec) ctx:partition({ { "n0" }, { "n1", "n2" } }, "1s") print(rec.id, rec.detail) end }
