// Agreement (S1): commit(u, h, a) and commit(v, h, b) of honest u, v imply a = b.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// Final commits only. A node whose disk was wiped or rolled back is held to it as well: it commits on certificates,
/// and those must agree. Keeps 32 bytes for every height that some honest node still has to commit.
class Agreement final : public Checker {
 public:
  explicit Agreement(const CheckerContext& context) : roster_(context.node_count) {}
  std::string_view name() const override { return "agreement"; }
  sim::KindMask kinds() const override { return Roster::kinds(); }
  void on_record(const Record& record) override;

 private:
  struct Decided {
    Hash128 id;
    NodeId node{no_node};  ///< who was first
    std::uint32_t round = 0;
    bool disputed = false;
  };
  Roster roster_;
  HeightWindow<Decided> decided_;
  std::uint64_t archive_floor_ = 0;
};

}  // namespace seqlab::scenarios
