#include "protocols/node/transaction_index.hpp"

#include <algorithm>

namespace seqlab::protocols {

std::uint32_t TransactionIndex::add_column() {
  if (!free_columns_.empty()) {
    const std::uint32_t column = free_columns_.back();
    free_columns_.pop_back();
    return column;
  }
  ++columns_;
  const std::size_t stride = head + columns_;
  if (words_.empty()) {
    stride_ = stride;
    return columns_ - 1;
  }
  std::vector<std::uint64_t> wider(words_.size() / stride_ * stride);
  for (std::size_t row = 0; row * stride_ < words_.size(); ++row) {
    const auto from = words_.begin() + static_cast<std::ptrdiff_t>(row * stride_);
    std::copy(from, from + static_cast<std::ptrdiff_t>(stride_),
              wider.begin() + static_cast<std::ptrdiff_t>(row * stride));
  }
  words_ = std::move(wider);
  stride_ = stride;
  return columns_ - 1;
}

TransactionIndex::Row TransactionIndex::hold(const TxId& id) {
  if (const Row* at = rows_.find(id)) {
    ++words_[*at * stride_ + 2];
    return *at;
  }
  if (free_rows_.empty()) {
    free_rows_.push_back(static_cast<Row>(words_.size() / stride_));
    words_.resize(words_.size() + stride_);
  }
  const Row row = free_rows_.back();
  free_rows_.pop_back();
  std::uint64_t* words = &words_[row * stride_];
  words[0] = id.hi;
  words[1] = id.lo;
  words[2] = 1;
  rows_.put(id, row);
  return row;
}

void TransactionIndex::release(Row row) {
  std::uint64_t* words = &words_[row * stride_];
  if (--words[2] != 0) return;
  rows_.erase(TxId{words[0], words[1]});
  free_rows_.push_back(row);
}

}  // namespace seqlab::protocols
