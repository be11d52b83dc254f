// DAGs drawn by hand: vertices of four members made one by one, shown to followers in any order. The followers have no
// power and say nothing; they accept, decide and commit.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "protocols/consensus/mysticeti/mysticeti_handlers.hpp"
#include "scenarios/checkers/checker.hpp"
#include "tests/support/engine_harness.hpp"

namespace seqlab::test {

template <class Rules>
class DagTable {
 public:
  static constexpr std::uint32_t members = 4;
  static constexpr NodeId x{4};
  static constexpr NodeId y{5};

  explicit DagTable(MysticetiOptions options = {})
      : harness(committee_of({1, 1, 1, 1, 0, 0}), 6, [options](NodeId self) -> std::unique_ptr<Engine> {
          using Core = BasicMysticeti<Rules>;
          return std::make_unique<EngineOf<Core>>(Core{self, options});
        }) {
    harness.start(x);
    harness.start(y);
  }

  /// A vertex that refers to `includes`, in that order. `mark` makes a twin.
  MessagePtr vertex(std::uint32_t author, std::int32_t round, const std::vector<MessagePtr>& includes,
                    std::uint64_t mark = 0) {
    Vertex v;
    v.epoch = Height{1};
    v.round = Round{round};
    v.author = NodeId{author};
    v.height = Height{1};
    v.timestamp = time_zero + round * 1ms + Duration{static_cast<std::int64_t>(mark)};
    for (const MessagePtr& m : includes) v.includes.push_back(vertex_of(m).ref());
    v.signature = harness.signatures->sign(author, v.compute_id());
    return MessagePtr{harness.pool.template make<VertexMessage>(std::move(v))};
  }
  /// One vertex of every author on the same references.
  std::vector<MessagePtr> round(std::int32_t r, const std::vector<MessagePtr>& includes,
                                std::vector<std::uint32_t> authors = {0, 1, 2, 3}) {
    std::vector<MessagePtr> out;
    for (const std::uint32_t a : authors) out.push_back(vertex(a, r, includes));
    return out;
  }
  void show(NodeId to, const std::vector<MessagePtr>& vertices) {
    for (const MessagePtr& m : vertices) harness.deliver(vertex_of(m).author, to, m);
  }
  const BasicMysticeti<Rules>& replica(NodeId n) const {
    return harness.template engine<BasicMysticeti<Rules>>(n);
  }
  std::uint64_t height(NodeId n) { return harness.chain(n).height().value; }
  BlockPtr block(NodeId n, std::uint64_t h) { return harness.chain(n).block(Height{h}); }

  /// Whether that checker finds something in what the followers did.
  bool fires(std::string_view checker) const {
    scenarios::CheckerContext about;
    about.node_count = 6;
    about.engine.has_certificates = false;
    about.engine.commits_proposals = false;
    const auto judge = scenarios::find_checker(checker)->make(about);
    for (const Record& r : harness.records) judge->on_record(r);
    judge->finish(harness.now());
    return !judge->findings().empty();
  }

  EngineHarness harness;
};

/// One list after the other.
inline std::vector<MessagePtr> joined(std::vector<std::vector<MessagePtr>> lists) {
  std::vector<MessagePtr> out;
  for (const auto& list : lists) out.insert(out.end(), list.begin(), list.end());
  return out;
}

}  // namespace seqlab::test
