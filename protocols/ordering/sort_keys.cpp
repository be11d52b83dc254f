#include "protocols/ordering/sort_keys.hpp"

#include <fmt/format.h>

namespace seqlab::protocols {

namespace {
constexpr std::uint32_t near = 1U << 20U;  // numbers below it have a place in the vector
}

std::string SortKey::text() const { return fmt::format("{:012},{:013},{:08}", l1_height, second, third); }

std::vector<KeyedItem> SortKeys::order(Height height, std::uint64_t l1_height, const std::vector<ForcedItem>& forced,
                                       const std::vector<const Transaction*>& included) {
  std::vector<KeyedItem> out;
  out.reserve(forced.size() + included.size());
  std::uint64_t index = 0;
  std::uint64_t at = 0;
  for (const ForcedItem& item : forced) {
    index = item.l1_height == at ? index + 1 : 0;
    at = item.l1_height;
    out.push_back(add(item.transaction.receiver, {item.l1_height, 0, index}, true));
  }
  index = 0;
  for (const Transaction* tx : included) {
    out.push_back(add(tx->receiver, {l1_height, height.value, index++}, false));
  }
  return out;
}

KeyedItem SortKeys::add(AccountId contract, const SortKey& key, bool from_l1) {
  KeyedItem item{.contract = contract, .key = key, .previous = {}, .from_l1 = from_l1};
  if (contract.value < near) {
    if (contract.value >= last_.size()) last_.resize(contract.value + std::size_t{1});
    Last& last = last_[contract.value];
    if (last.known) item.previous = last.key;
    last = {key, true};
    return item;
  }
  const auto [at, fresh] = far_last_.try_emplace(contract, key);
  if (!fresh) {
    item.previous = at->second;
    at->second = key;
  }
  return item;
}

SortKeys::SortKeys(const std::map<AccountId, SortKey>& last) {
  for (const auto& [contract, key] : last) add(contract, key, false);
}

std::map<AccountId, SortKey> SortKeys::last() const {
  std::map<AccountId, SortKey> out = far_last_;
  for (std::uint32_t i = 0; i < last_.size(); ++i) {
    if (last_[i].known) out.emplace(AccountId{i}, last_[i].key);
  }
  return out;
}

Hash128 random_value(const BlockId& previous, const SortKey& key) {
  return HashBuilder{"random value"}.add(previous).add(key.l1_height).add(key.second).add(key.third).finish();
}

bool wins(const Hash128& value, sim::Ratio odds) {
  return value.hi % static_cast<std::uint64_t>(odds.den) < static_cast<std::uint64_t>(odds.num);
}

}  // namespace seqlab::protocols
