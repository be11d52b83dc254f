// What the pools of a world know of transactions, side by side. Its nodes hear of a transaction, commit it and
// forget it at nearly the same times: with one table for all of them, whoever comes first fetches the memory for the
// others, and each id is stored once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/base/flat_table.hpp"

namespace seqlab::protocols {

/// Rows are transactions, columns are pools. A row lives as long as somebody holds it; its number means nothing and is
/// never compared or shown.
class TransactionIndex {
 public:
  using Row = std::uint32_t;
  static constexpr Row none = 0xffffffffU;

  /// A column of its own for a pool, empty.
  std::uint32_t add_column();
  /// @pre its pool holds no row any more
  void remove_column(std::uint32_t column) { free_columns_.push_back(column); }

  Row find(const TxId& id) const {
    const Row* at = rows_.find(id);
    return at == nullptr ? none : *at;
  }
  /// Asks the memory for what `find` will look at.
  void prefetch(const TxId& id) const { rows_.prefetch(id); }
  void prefetch(Row row, std::uint32_t column) const { __builtin_prefetch(&words_[row * stride_ + head + column]); }
  /// Finds or makes the row, and holds it. @pre id is not nil
  Row hold(const TxId& id);
  /// One holder less; the last one takes the row with it. @pre the cell of that holder's pool is 0, or still held
  void release(Row row);

  /// What a pool knows of a transaction; 0: nothing.
  std::uint64_t cell(Row row, std::uint32_t column) const { return words_[row * stride_ + head + column]; }
  void set(Row row, std::uint32_t column, std::uint64_t value) { words_[row * stride_ + head + column] = value; }

  std::size_t size() const { return rows_.size(); }

 private:
  static constexpr std::size_t head = 3;  // words before the cells of a row: its id, its holders

  FlatTable<Row> rows_;
  std::vector<std::uint64_t> words_;
  std::size_t stride_ = head;
  std::uint32_t columns_ = 0;
  std::vector<Row> free_rows_;
  std::vector<std::uint32_t> free_columns_;
};

}  // namespace seqlab::protocols
