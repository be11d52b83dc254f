---@meta
-- Everything that an adversary script can reach, for editors (LuaLS). Generated from the table in
-- scenarios/hooks/lua_bindings.cpp; a test compares the two. Not a script.
error("this file describes the scripts' interface; it is not meant to be run")

---A whole number of ns, or text such as "1.5s", "500ms", "250us".
---@alias seqlab.Duration integer|string
---@alias seqlab.DiskFault "unsynced_lost"|"torn_tail"|"wiped"|"rolled_back"
---@class seqlab.Verdict

---@alias seqlab.MessageKind
---| "proposal"
---| "prevote"
---| "precommit"
---| "vote"
---| "timeout"
---| "status"
---| "votes_request"
---| "block_request"
---| "block_response"
---| "evidence"
---| "transaction"
---| "transaction_result"
---| "new_view"
---| "certificate"
---| "no_endorsement"
---| "recovery"
---| "view_change"
---| "checkpoint"
---| "vertex"
---| "vertex_request"
---| "vertex_response"
---| "handover"

---@alias seqlab.RecordKind
---| "validator"
---| "corrupt"
---| "node_started"
---| "node_crashed"
---| "node_paused"
---| "node_resumed"
---| "disk_lost"
---| "clock_jumped"
---| "partition_started"
---| "partition_healed"
---| "stabilised"
---| "healing_started"
---| "core_member"
---| "persisted"
---| "message_sent"
---| "message_delivered"
---| "message_dropped"
---| "message_rejected"
---| "round_entered"
---| "step_entered"
---| "proposed"
---| "voted"
---| "locked"
---| "certified"
---| "certificate_signers"
---| "committed"
---| "commit_parent"
---| "executed"
---| "evidence"
---| "behind"
---| "caught_up"
---| "tx_submitted"
---| "tx_admitted"
---| "tx_refused"
---| "tx_evicted"
---| "tx_included"
---| "tx_confirmed"
---| "tx_retried"
---| "balance_moved"
---| "attack"
---| "note"
---| "reverted"
---| "epoch_entered"
---| "intervened"
---| "l1_mined"
---| "l1_parent"
---| "l1_reorged"
---| "l1_final"
---| "l1_seen"
---| "l1_sent"
---| "l1_included"
---| "l1_excluded"
---| "l1_paid"
---| "l1_ref"
---| "forced_sent"
---| "forced_posted"
---| "forced_done"
---| "force_called"
---| "da_turn"
---| "da_prepared"
---| "da_sent"
---| "da_posted"
---| "da_block"
---| "da_unposted"
---| "da_confirmed"
---| "da_receipt"
---| "da_backlog"
---| "commitment"
---| "proof"
---| "head"
---| "derived"
---| "derived_state"
---| "halted"
---| "keyed"
---| "key_linked"
---| "core_stopped"
---| "core_exported"
---| "core_started"
---| "core_rolled_back"
---| "tx_accepted"
---| "tx_redirected"
---| "da_service"
---| "da_settled"
---| "da_hindered"
---| "forced_first"
---| "registry_set"
---| "batch_read"
---| "registry_defied"
---| "escrow_locked"
---| "escrow_settled"
---| "escrow_released"
---| "escrow_refused"
---| "bridge_minted"
---| "bridge_burnt"

---The world as the script sees it: first argument of every hook.
---@class seqlab.Context
local Context = {}

---Parameters: the script's defaults, replaced by the scenario's `params`.
---@type table<string, any>
Context.params = nil

---What the scenario allows, from its `power`.
---@type seqlab.Grant
Context.grant = nil

---Nodes of this adversary.
---@type string[]
Context.own = nil

---All sequencer nodes, its own ones included.
---@type string[]
Context.nodes = nil

---The only source of randomness: a stream of its own.
---@type seqlab.Rng
Context.rng = nil

---Returned by a hook: let it happen. Returning nothing means the same.
---@type seqlab.Verdict
Context.pass = nil

---Returned by a hook: it does not happen.
---@type seqlab.Verdict
Context.drop = nil

---Virtual time in ns since the start of the world.
---@type integer
Context.now = nil

---The own node that the hook is about; the first own node in hooks about none.
---@type string?
Context.self = nil

---In `on_build`: how many items from layer 1 the block holds.
---@type integer
Context.forced = nil

---Height that `self` is deciding, 0 while it is down.
---@type integer
Context.height = nil

---Round that `self` is in, from 0; -1 while it is down.
---@type integer
Context.round = nil

---All sequencer nodes but `self`. One list for all calls: do not change it.
---@type string[]
Context.peers = nil

---Sends as `self` (or another own node), at once or later. False if the grant or a crash forbids it.
---@param to string|string[]
---@param msg seqlab.Message
---@param options? {delay?: seqlab.Duration, from?: string}
---@return boolean
function Context:send(to, msg, options) end

---A changed copy signed by `self` (or `as`). Nothing if this kind of message cannot be forged or the key is
---not owned.
---@param msg seqlab.Message
---@param changes? seqlab.Forge
---@return seqlab.Message?
function Context:forge(msg, changes) end

---A message to keep beyond the hook: the hook's own `msg` is used again for the next one.
---@param msg seqlab.Message
---@return seqlab.Message
function Context:keep(msg) end

---Calls on_timer(ctx, value) after the delay.
---@param delay seqlab.Duration
---@param value? any
function Context:after(delay, value) end

---Stops a node. Own nodes for free and with any disk fault; others as far as granted, with unsynced_lost or
---torn_tail. Without restart_after it stays down.
---@param node string
---@param options? {restart_after?: seqlab.Duration, disk?: seqlab.DiskFault}
---@return boolean
function Context:crash(node, options) end

---Cuts the links between the groups; nodes in none reach everybody. Needs a grant.
---@param groups string[][]
---@param lasts seqlab.Duration
---@return boolean
function Context:partition(groups, lasts) end

---Steps the wall clock of an own node; negative steps go back.
---@param node string
---@param step seqlab.Duration
---@return boolean
function Context:jump_clock(node, step) end

---A payment from a granted account. It goes to the pool of `self` (or `at`) and to nobody else: send the
---message to show it to others. Nothing if it is not granted.
---@param options seqlab.Payment
---@return seqlab.Message?
function Context:pay(options) end

---In `on_build`: whether a transaction at that place of the block, from 0, would win the lottery. Nothing
---where there is none, and while nobody can have computed the random values yet.
---@param index integer
---@return boolean?
function Context:would_win(index) end

---Puts two numbers into the trace, as a `note` record.
---@param a integer
---@param b? integer
function Context:note(a, b) end

---Voting power of a node at genesis.
---@param node string
---@return integer
function Context:power(node) end

---Nanoseconds of a duration such as "1.5s".
---@param duration seqlab.Duration
---@return integer
function Context:ns(duration) end

---Two random halves, each in node order; the second has the odd one.
---@param nodes string[]
---@return string[], string[]
function Context:split(nodes) end

---Two random parts of about equal voting power, each in node order.
---@param nodes string[]
---@return string[], string[]
function Context:split_by_power(nodes) end

---A message. The hook's own one is gone with the hook; see `Context.keep`.
---@class seqlab.Message
local Message = {}

---What it is.
---@type seqlab.MessageKind
Message.kind = nil

---Height that it is about, 0 if about none.
---@type integer
Message.height = nil

---Round that it is about, -1 if about none.
---@type integer
Message.round = nil

---Proposal: round of the polka that justifies it, -1 if it is fresh.
---@type integer
Message.valid_round = nil

---Id of the block that it carries or votes for, 32 hex digits. Nothing for a nil vote.
---@type string?
Message.block = nil

---Who signed it.
---@type string?
Message.author = nil

---Who sends this copy.
---@type string?
Message.from = nil

---The receiver, if there is exactly one.
---@type string?
Message.to = nil

---All receivers; empty for a kept or forged message.
---@type string[]
Message.receivers = nil

---Size on the wire.
---@type integer
Message.bytes = nil

---A vote for nil.
---@type boolean
Message.is_nil = nil

---How many transactions its block has.
---@type integer
Message.transactions = nil

---Id of the transaction that it carries or answers.
---@type string?
Message.tx = nil

---Sending account of the transaction that it carries.
---@type integer?
Message.sender = nil

---Something that happened. Gone with the hook.
---@class seqlab.Record
local Record = {}

---What happened.
---@type seqlab.RecordKind
Record.kind = nil

---Whom it concerns.
---@type string?
Record.node = nil

---The other end: receiver, offender, sender.
---@type string?
Record.peer = nil

---Height, 0 if it has none.
---@type integer
Record.height = nil

---Round, or what the kind says.
---@type integer
Record.round = nil

---Name of the vote type, commit level, offence or message kind; a number for other kinds.
---@type string|integer
Record.detail = nil

---Block or transaction, 32 hex digits. Nothing for nil, or if the grant shows headers only.
---@type string?
Record.id = nil

---First number of the kind; 0 if the grant shows headers only.
---@type integer
Record.a = nil

---Second number of the kind; 0 if the grant shows headers only.
---@type integer
Record.b = nil

---Seeded randomness; `math.random` draws from the same stream.
---@class seqlab.Rng
local Rng = {}

---Uniform, both ends included.
---@param low integer
---@param high integer
---@return integer
function Rng:int(low, high) end

---True with probability num/den, by default 1/2.
---@param num? integer
---@param den? integer
---@return boolean
function Rng:bool(num, den) end

---That many random bytes, at most 4096.
---@param count integer
---@return string
function Rng:bytes(count) end

---Shuffles the list in place and returns it.
---@param list any[]
---@return any[]
function Rng:shuffle(list) end

---One element.
---@param list any[]
---@return any
function Rng:pick(list) end

---Options of `Context.forge`.
---@class seqlab.Forge
---@field as? string own node that signs, by default `self`
---@field block? string vote: for this block
---@field nil_vote? boolean vote: for nil
---@field height? integer
---@field round? integer
---@field valid_round? integer proposal: round of the polka that is claimed, -1 for none
---@field timestamp_shift? seqlab.Duration added to the timestamp
---@field empty? boolean proposal: a block without transactions
---@field payload? string proposal: another valid block, a different one for each text

---Options of `Context.pay`.
---@class seqlab.Payment
---@field from integer account, of those granted
---@field to integer account
---@field amount integer base units
---@field fee? integer base units, by default 0
---@field at? string own node, by default `self`

---What the scenario grants (`power`). Durations in ns; 0 = not granted.
---@class seqlab.Grant
---@field sees "own"|"headers"|"all"
---@field delay_max integer how long a message of others may be held back
---@field drops_max integer messages of others that may be dropped
---@field drop_before_gst boolean any number of them before the global stabilisation time
---@field crashes_max integer crashes of honest nodes
---@field partitions_max integer
---@field partition_max integer total time of its partitions
---@field accounts integer[] accounts of users that it pays from

---A candidate in `on_build`.
---@class seqlab.Tx
---@field index integer position in the list, from 1; what `on_build` recognises it by
---@field id string
---@field sender integer account
---@field receiver integer account
---@field nonce integer position in the sender's sequence, from 0
---@field amount integer base units
---@field fee integer base units, paid to the proposer
---@field gas integer
---@field bytes integer encoded size

---What the hooks about messages want. The other kinds pass without a call, and cost nothing.
---@class seqlab.Kinds
---@field on_send? seqlab.MessageKind[]
---@field on_receive? seqlab.MessageKind[]
---@field on_link? seqlab.MessageKind[]

---What a script returns. No other key is accepted.
---@class seqlab.Adversary
---@field api 1
---@field params? table<string, boolean|integer|string|string[]> defaults of what a scenario may set
---@field records? seqlab.RecordKind[] what on_record is called for
---@field kinds? seqlab.Kinds
---Once, before anything else happens.
---@field on_start? fun(ctx: seqlab.Context)
---An own node is about to send.
---@field on_send? fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict?
---A message reaches an own node; ctx.drop hides it from the node's honest code.
---@field on_receive? fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict?
---An own node builds a block: the transactions to put in, in order, or nothing to leave them as they are.
---@field on_build? fun(ctx: seqlab.Context, txs: seqlab.Tx[], height: integer, round: integer): seqlab.Tx[]?
---A message is on a link: ctx.drop, or a duration to hold it back, as far as granted.
---@field on_link? fun(ctx: seqlab.Context, msg: seqlab.Message): seqlab.Verdict|seqlab.Duration|nil
---What ctx:after announced.
---@field on_timer? fun(ctx: seqlab.Context, value: any)
---Something happened, of the kinds in `records`. Actions follow within the same instant, a crash at once.
---@field on_record? fun(ctx: seqlab.Context, rec: seqlab.Record)

-- Of Lua's standard library there are, and nothing else (`pairs` walks sorted keys, `table.sort` is stable):
-- _VERSION assert error getmetatable ipairs math.abs math.ceil math.floor math.fmod math.huge math.max
-- math.maxinteger math.min math.mininteger math.pi math.random math.sqrt math.tointeger math.type math.ult
-- pairs pcall print rawequal rawget rawlen select setmetatable string.byte string.char string.find
-- string.format string.gmatch string.gsub string.len string.lower string.match string.rep string.reverse
-- string.sub string.upper table.concat table.insert table.move table.pack table.remove table.sort table.unpack
-- tonumber tostring type utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset xpcall
