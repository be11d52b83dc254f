// The contracts of layer 1 by themselves: what counts, what is refused, and what a branch makes of it.
#include "protocols/l1/contracts.hpp"

#include "protocols/forced/forced_paths.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

constexpr NodeId owner{9}, n0{0}, n1{1}, n2{2};

Registry registry_of_two() {
  RegistryOptions options;
  options.writers = {n1, n0};
  options.owner = owner;
  options.lag = 3;
  return Registry{options};
}

RegistryReject change(Registry& r, RegistryAction action, NodeId node, std::uint64_t turn, std::uint64_t height,
                      NodeId author = owner) {
  RegistryData data;
  data.action = action;
  data.node = node;
  data.turn = turn;
  return r.apply(data, author, height);
}

EscrowData call(EscrowData::What what, std::uint32_t account, std::int64_t amount, std::uint64_t nonce = 0) {
  EscrowData data;
  data.what = what;
  data.account = AccountId{account};
  data.amount = Amount{amount};
  data.nonce = nonce;
  return data;
}

ProofData proof(std::uint32_t first, std::uint32_t last, std::vector<Burn> burns) {
  ProofData data;
  data.first = first;
  data.last = last;
  data.height = Height{std::uint64_t{last} * 10};
  data.burns = std::move(burns);
  return data;
}

constexpr auto deposit = EscrowData::What::deposit;
constexpr auto release = EscrowData::What::release;

/// Escrow with a delay of five blocks that holds 100.
Escrow escrow_of_100() {
  BridgeOptions options;
  options.escrow = true;
  options.delay = 5;
  Escrow out{options};
  CHECK(out.deposit(call(deposit, 1, 100)) == EscrowReject::none);
  return out;
}

}  // namespace

TEST_CASE("a rotation holds from the lag after its own block on", "[l1][registry]") {
  Registry r = registry_of_two();
  CHECK(r.entitled(1) == n1);
  CHECK(change(r, RegistryAction::rotate, n0, 1, 10) == RegistryReject::none);
  CHECK(r.entitled(12) == n1);
  CHECK(r.entitled(13) == n0);
  CHECK(change(r, RegistryAction::rotate, n1, 2, 11) == RegistryReject::none);
  CHECK(r.entitled(12) == n1);
  CHECK(r.entitled(13) == n0);
  CHECK(r.entitled(14) == n1);
}

TEST_CASE("only the owner changes the registry, and only with a number that was not there", "[l1][registry]") {
  Registry r = registry_of_two();
  const Registry before = r;
  CHECK(change(r, RegistryAction::rotate, n0, 1, 10, n0) == RegistryReject::not_owner);
  CHECK(change(r, RegistryAction::rotate, n0, 0, 10) == RegistryReject::old_turn);
  CHECK(change(r, RegistryAction::rotate, n2, 1, 10) == RegistryReject::unknown);
  CHECK(change(r, RegistryAction::remove, n2, 1, 10) == RegistryReject::unknown);
  CHECK(change(r, RegistryAction::add, n1, 1, 10) == RegistryReject::registered);
  CHECK(r == before);
  CHECK(change(r, RegistryAction::add, n2, 5, 10) == RegistryReject::none);
  CHECK(change(r, RegistryAction::rotate, n2, 5, 11) == RegistryReject::old_turn);
  CHECK(change(r, RegistryAction::rotate, n2, 6, 11) == RegistryReject::none);
  CHECK(r.turn() == 6);
  CHECK(r.entitled(14) == n2);
}

TEST_CASE("who is removed loses the turn, and nobody has it until the next rotation", "[l1][registry]") {
  Registry r = registry_of_two();
  CHECK(change(r, RegistryAction::remove, n0, 1, 9) == RegistryReject::none);
  CHECK(r.entitled(12) == n1);
  CHECK(change(r, RegistryAction::remove, n1, 2, 10) == RegistryReject::none);
  CHECK(r.entitled(12) == n1);
  CHECK(r.entitled(13) == no_node);
  CHECK(change(r, RegistryAction::rotate, n1, 3, 20) == RegistryReject::unknown);
  CHECK(change(r, RegistryAction::add, n1, 3, 20) == RegistryReject::none);
  CHECK(r.entitled(30) == no_node);
  CHECK(change(r, RegistryAction::rotate, n1, 4, 30) == RegistryReject::none);
  CHECK(r.entitled(33) == n1);
}

TEST_CASE("a burn is released once, after its proof and its delay, in full", "[l1][escrow]") {
  Escrow e = escrow_of_100();
  CHECK(e.release(call(release, 1, 40, 7), 20) == EscrowReject::not_settled);
  CHECK(e.settle(proof(1, 1, {{Height{3}, AccountId{1}, 7, Amount{40}}}), 20));
  CHECK(e.release(call(release, 1, 40, 7), 24) == EscrowReject::early);
  CHECK(e.release(call(release, 1, 41, 7), 25) == EscrowReject::wrong_amount);
  CHECK(e.release(call(release, 2, 40, 7), 25) == EscrowReject::not_settled);
  CHECK(e.release(call(release, 1, 40, 8), 25) == EscrowReject::not_settled);
  CHECK(e.release(call(release, 1, -40, 7), 25) == EscrowReject::no_amount);
  CHECK(e.release(call(release, 1, 40, 7), 25) == EscrowReject::none);
  CHECK(e.balance() == Amount{60});
  CHECK(e.release(call(release, 1, 40, 7), 26) == EscrowReject::not_settled);
  CHECK_FALSE(e.settle(proof(1, 1, {{Height{3}, AccountId{1}, 7, Amount{40}}}), 30));
  CHECK(e.release(call(release, 1, 40, 7), 40) == EscrowReject::not_settled);
}

TEST_CASE("proofs settle in order: one with a gap before it waits, an invalid one says nothing", "[l1][escrow]") {
  Escrow e = escrow_of_100();
  ProofData lie = proof(1, 2, {{Height{3}, AccountId{1}, 7, Amount{100}}});
  lie.valid = false;
  CHECK_FALSE(e.settle(lie, 10));
  CHECK_FALSE(e.settle(proof(2, 3, {{Height{25}, AccountId{1}, 1, Amount{10}}}), 11));
  CHECK(e.proven() == Height{0});
  CHECK(e.settle(proof(1, 1, {}), 12));
  CHECK(e.proven() == Height{30});
  CHECK(e.release(call(release, 1, 10, 1), 16) == EscrowReject::early);  // counted from when it came to hold
  CHECK(e.release(call(release, 1, 10, 1), 17) == EscrowReject::none);
  // One that overlaps brings only what is new.
  CHECK(
      e.settle(proof(3, 4, {{Height{25}, AccountId{1}, 1, Amount{10}}, {Height{31}, AccountId{1}, 2, Amount{5}}}), 20));
  CHECK(e.release(call(release, 1, 10, 1), 30) == EscrowReject::not_settled);
  CHECK(e.release(call(release, 1, 5, 2), 30) == EscrowReject::none);
}

TEST_CASE("the escrow pays no more than it holds, and takes nothing that is no amount", "[l1][escrow]") {
  Escrow e = escrow_of_100();
  CHECK(e.deposit(call(deposit, 1, 0)) == EscrowReject::no_amount);
  CHECK(e.deposit(call(deposit, 1, -5)) == EscrowReject::no_amount);
  CHECK(e.deposit(call(deposit, 1, std::int64_t{1} << 62)) == EscrowReject::no_amount);
  CHECK(e.settle(proof(1, 1, {{Height{3}, AccountId{1}, 7, Amount{101}}}), 10));
  CHECK(e.release(call(release, 1, 101, 7), 30) == EscrowReject::no_funds);
  CHECK(e.balance() == Amount{100});
  CHECK(e.deposits() == 1);
}

TEST_CASE("each branch has its own state, and a deposit becomes the next item of the rollup's queue", "[l1][escrow]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 1);
  RegistryOptions registry;
  registry.writers = {n0, n1};
  registry.owner = owner;
  registry.lag = 1;
  BridgeOptions bridge;
  bridge.escrow = true;
  const Contracts contracts{registry, bridge, AccountId{50}, *signatures};
  std::uint64_t serial = 0;
  const auto wrap = [&](L1TxKind kind, NodeId author, std::shared_ptr<const L1Data> data) {
    auto tx = std::make_shared<L1Transaction>();
    tx->id = HashBuilder{"test"}.add(++serial).finish();
    tx->kind = kind;
    tx->author = author;
    tx->data = std::move(data);
    return L1TransactionPtr{tx};
  };
  const auto mine = [&](const std::shared_ptr<const ContractState>& before, std::uint64_t height,
                        std::vector<L1TransactionPtr> transactions) {
    auto block = std::make_shared<L1Block>();
    block->height = height;
    block->transactions = std::move(transactions);
    block->contracts = contracts.after(before, *block);
    return block;
  };
  RegistryData rotate;
  rotate.node = n1;
  rotate.turn = 1;
  const auto quiet = mine(contracts.genesis(), 1, {});
  CHECK(quiet->contracts == contracts.genesis());
  const auto money = wrap(L1TxKind::escrow, no_node, std::make_shared<EscrowData>(call(deposit, 3, 20)));
  const auto nothing = wrap(L1TxKind::escrow, no_node, std::make_shared<EscrowData>(call(deposit, 3, 0)));
  const auto turn = wrap(L1TxKind::registry, owner, std::make_shared<RegistryData>(rotate));
  const auto one = mine(quiet->contracts, 2, {nothing, money, turn});
  const auto other = mine(quiet->contracts, 2, {});
  CHECK(entitled_next(*one) == n1);
  CHECK(entitled_next(*other) == n0);
  CHECK(one->contracts->escrow->balance() == Amount{20});
  CHECK(other->contracts->escrow->balance() == Amount{0});
  CHECK(one->contracts->events.size() == 3);

  const std::vector<ForcedItem> items = forced_items(*one, 5);
  REQUIRE(items.size() == 1);  // what was refused is no item
  CHECK(items[0].id == money->id);
  CHECK(items[0].position == 5);
  CHECK(items[0].transaction.sender == AccountId{50});
  CHECK(items[0].transaction.receiver == AccountId{3});
  CHECK(items[0].transaction.nonce == 0);
  CHECK(items[0].transaction.well_formed());
  CHECK(signatures->verify(account_key(50), items[0].transaction.id, items[0].transaction.signature));

  const auto next =
      mine(one->contracts, 3, {wrap(L1TxKind::escrow, no_node, std::make_shared<EscrowData>(call(deposit, 4, 1)))});
  REQUIRE(forced_items(*next, 6).size() == 1);
  CHECK(forced_items(*next, 6)[0].transaction.nonce == 1);
  const auto after = mine(next->contracts, 4, {});
  CHECK(after->contracts->events.empty());
  CHECK(forced_items(*after, 7).empty());
  CHECK(mine(after->contracts, 5, {})->contracts == after->contracts);
}
