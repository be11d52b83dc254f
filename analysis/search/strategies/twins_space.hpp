// The space of Twins scenarios: corrupt nodes run twice, and in each round it is chosen who leads, who hears whom,
// which phase of the round is split, and whether what does not pass is lost or late. Scenarios that differ only in the
// names of interchangeable nodes are one; they are counted exactly and addressed by number.
//
// (Bano et al., "Twins: BFT systems made robust", arXiv:2004.10617. There a round is a partition of all machines; here
// the honest nodes are partitioned, and each machine of a corrupt node hears any set of their groups, so that what the
// two machines of a node reach may overlap. Partitions of all machines are among these.)
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scenarios/plan/plan.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::analysis {


struct TwinsOptions {
  /// Honest nodes in blocks that stay together and lead through their first node: one each in small committees.
  std::vector<std::vector<NodeId>> honest;
  std::vector<NodeId> corrupt;               ///< each runs twice; two at most
  /// Blocks of one class may take each other's place; so may corrupt nodes. By block, by corrupt node.
  std::vector<std::uint32_t> class_of_honest;
  std::vector<std::uint32_t> class_of_corrupt;
  std::uint32_t rounds = 4;                  ///< at least 1
  std::uint32_t groups_max = 2;              ///< 1 to 3
  std::uint32_t phases = 1;                  ///< 1: whole rounds are split; each more: that phase alone can be
  std::uint32_t holds = 1;                   ///< ways of keeping messages back
  bool leaders = true;                       ///< whether leaders are part of the scenario
};

/// What happens in one round.
struct TwinsRound {
  std::vector<std::vector<scenarios::Machine>> groups;  ///< of all machines; one group: nobody is kept apart
  NodeId leader{no_node};                               ///< no_node if leaders are no part of the scenario
  std::uint32_t phase = 0;                              ///< 0: the whole round; p: phase p alone
  std::uint32_t hold = 0;
  friend bool operator==(const TwinsRound&, const TwinsRound&) = default;
};

class TwinsSpace {
 public:
  /// Takes fewer rounds than asked for where the space would not fit 120 bits: see `rounds()`. Nodes are exchanged as
  /// far as the tables stay small.
  explicit TwinsSpace(const TwinsOptions& options);

  Uint128 size() const { return subgroups_.front().counts[rounds_]; }
  std::uint32_t rounds() const { return rounds_; }
  /// How many there would be if all nodes had names.
  Uint128 size_with_names() const;
  /// One for each number below `size()`, no two of them the same up to the names of interchangeable nodes.
  std::vector<TwinsRound> at(Uint128 number) const;

 private:
  struct Cut {
    std::vector<std::uint8_t> cell_of;    // by honest block; cells are numbered in the order of their first block
    std::vector<std::uint8_t> hears;      // by machine of a corrupt node: bit c: cell c
    std::uint8_t phase = 0;
    std::uint8_t hold = 0;
    friend auto operator<=>(const Cut&, const Cut&) = default;
  };
  struct Exchange {
    std::vector<std::uint8_t> honest;     // block i goes to the place of honest[i]
    std::vector<std::uint8_t> machine;    // machine j of the corrupt nodes goes to the place of machine[j]
  };
  struct Class {
    std::uint32_t stabiliser;             // of each of these choices: number of the subgroup
    std::vector<std::uint32_t> choices;   // the least of their orbits
  };
  struct Subgroup {
    std::vector<std::uint16_t> members;   // exchanges
    std::vector<Uint128> counts;          // by number of rounds left
    std::vector<Class> classes;           // empty for the subgroup that exchanges nothing
  };

  void make_cuts(const TwinsOptions& options);
  void make_exchanges(const TwinsOptions& options);
  void make_images();
  std::uint32_t subgroup_of(std::vector<std::uint16_t> members);
  std::uint32_t choice_count() const { return static_cast<std::uint32_t>(cuts_.size()) * leader_count_; }
  std::uint32_t image(std::uint16_t exchange, std::uint32_t choice) const {
    return cut_images_[exchange][choice / leader_count_] * leader_count_ +
           leader_images_[exchange][choice % leader_count_];
  }
  TwinsRound round_of(std::uint32_t choice) const;

  TwinsOptions options_;
  std::uint32_t rounds_ = 0;
  std::uint32_t leader_count_ = 1;
  std::vector<Cut> cuts_;                                  // sorted
  std::vector<Exchange> exchanges_;                        // a group; the first changes nothing
  std::vector<std::vector<std::uint32_t>> cut_images_;     // by exchange, by cut
  std::vector<std::vector<std::uint32_t>> leader_images_;  // by exchange, by leader: blocks, then corrupt nodes
  std::vector<Subgroup> subgroups_;                        // the first is the whole group
  std::map<std::vector<std::uint16_t>, std::uint32_t> subgroup_numbers_;
};

/// A seeded bijection of [0, size): a Feistel network over the least even number of bits that hold it, walked until the
/// result is below `size`. @pre 0 < size < 2^120, index < size
Uint128 shuffled(Uint128 index, Uint128 size, std::uint64_t key);

}  // namespace seqlab::analysis
