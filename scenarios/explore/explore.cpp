// The search over global states: one number a replica. A state costs a few words, a step two look-ups.
#include "scenarios/explore/explore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "protocols/consensus/forge.hpp"
#include "scenarios/explore/flat_map.hpp"
#include "scenarios/explore/replicas.hpp"
#include "sim/base/assert.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

using protocols::MessageFields;
using sim::Record;
using sim::RecordKind;

namespace {

using StateId = std::uint32_t;
constexpr StateId no_state = ~StateId{0};
constexpr std::size_t instances_max = 16;

/// Global states in the order in which they were found: their replicas, whence they came, how many steps it took.
class StateStore {
 public:
  explicit StateStore(std::size_t width) : width_(width), stride_(width + 2) {}

  struct Found {
    StateId state;
    bool fresh;
  };
  Found find_or_add(const ReplicaId* replicas) {
    const std::uint64_t hash = hash_of(replicas);
    const auto same = [&](StateId s) { return std::equal(replicas, replicas + width_, this->replicas(s)); };
    if (const StateId s = table_.find(hash, same); s != IndexTable::absent) return {s, false};
    const auto s = static_cast<StateId>(count_);
    if ((count_ & (chunk_states - 1)) == 0) {
      chunks_.push_back(std::make_unique<std::uint32_t[]>(chunk_states * stride_));
    }
    ++count_;
    std::copy(replicas, replicas + width_, row(s));
    table_.insert(hash, s, [&](StateId other) { return hash_of(this->replicas(other)); });
    return {s, true};
  }
  const ReplicaId* replicas(StateId s) const { return chunks_[s >> chunk_bits].get() + (s & (chunk_states - 1)) * stride_; }
  StateId parent(StateId s) const { return replicas(s)[width_]; }
  std::uint32_t cost(StateId s) const { return replicas(s)[width_ + 1]; }
  void set(StateId s, StateId parent, std::uint32_t cost) {
    row(s)[width_] = parent;
    row(s)[width_ + 1] = cost;
  }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return chunks_.size() * chunk_states * stride_ * sizeof(std::uint32_t) + table_.bytes(); }

 private:
  static constexpr std::size_t chunk_bits = 16;
  static constexpr std::size_t chunk_states = std::size_t{1} << chunk_bits;
  std::uint32_t* row(StateId s) { return chunks_[s >> chunk_bits].get() + (s & (chunk_states - 1)) * stride_; }
  std::uint64_t hash_of(const ReplicaId* replicas) const {
    std::uint64_t h = 0;
    for (std::size_t i = 0; i < width_; ++i) h = spread(h * 0x9e3779b97f4a7c15ULL + replicas[i] + 1);
    return h;
  }
  std::size_t width_;
  std::size_t stride_;
  std::size_t count_ = 0;
  std::vector<std::unique_ptr<std::uint32_t[]>> chunks_;
  IndexTable table_;
};

/// Steps of one replica up to the first that others may notice.
struct Edge {
  ReplicaId to;
  std::uint32_t steps;
};

class Search {
 public:
  explicit Search(const ExploreOptions& options)
      : options_(options), space_(options), width_(space_.instances().size()), store_(width_) {}

  ExploreResult run();

 private:
  /// A state that is wrong: `replica` of `instance`, after `parent`.
  struct Suspect {
    std::uint32_t cost;
    StateId parent;
    std::uint32_t instance;
    ReplicaId replica;
  };
  struct Step {
    std::uint32_t instance;
    ReplicaId from;
    Input input;
    std::uint16_t crash;
  };

  void expand(StateId state);
  void reach(const std::array<ReplicaId, instances_max>& replicas, StateId parent, std::uint32_t cost);
  SetId available(const ReplicaId* replicas, std::uint32_t instance);
  std::uint32_t edges(ReplicaId from, SetId available);
  void drop_redundant(std::size_t first, SetId available);
  bool is_wrong(const ReplicaId* replicas, std::uint32_t instance, ReplicaId to) const;
  bool conflict(const ChainPtr& a, const ChainPtr& b) const;
  std::string_view limit() const;
  bool confirm(const Suspect& suspect);

  std::vector<Step> path_to(const Suspect& suspect);
  void append_path(ReplicaId from, SetId available, ReplicaId to, std::uint32_t instance, std::vector<Step>& steps);
  ExploreStep describe(const Step& step) const;

  const ExploreOptions& options_;
  ReplicaSpace space_;
  std::size_t width_;
  StateStore store_;
  std::vector<std::vector<StateId>> waiting_;   // by cost; a state that was reached again at less waits twice
  std::uint64_t waiting_count_ = 0;
  std::vector<Edge> edge_pool_;
  struct EdgeList {
    std::size_t first;
    std::uint32_t count;
  };
  std::vector<EdgeList> edge_lists_;
  FlatMap edge_list_of_;                        // (replica, available) -> list
  std::vector<std::uint32_t> mark_;             // by replica: last search that met it
  std::uint32_t search_ = 0;
  std::vector<std::uint32_t> place_;            // by replica: where it is among the edges of this search
  std::vector<bool> redundant_;
  std::vector<std::pair<ReplicaId, std::uint32_t>> queue_;
  IndexTable abstract_;
  std::vector<std::uint64_t> abstract_seen_;
  std::vector<Suspect> suspects_;
  ExploreResult result_;
};

// ---- the search -----------------------------------------------------------------------------------------------------

/// By number of steps, so that the first violation that is settled is a shortest one.
ExploreResult Search::run() {
  std::array<ReplicaId, instances_max> first{};
  for (std::uint32_t i = 0; i < width_; ++i) first[i] = space_.first(i);
  reach(first, no_state, 0);

  constexpr std::uint64_t report_every = 4096;
  std::uint64_t expanded = 0;
  std::string_view stopped = "exhausted";
  for (std::uint32_t cost = 0; cost < waiting_.size(); ++cost) {
    std::ranges::stable_sort(suspects_, {}, &Suspect::cost);
    while (!suspects_.empty() && suspects_.front().cost <= cost && !result_.violation) {
      if (!confirm(suspects_.front())) ++result_.unconfirmed;
      suspects_.erase(suspects_.begin());
    }
    if (result_.violation) {
      stopped = "violation";
      break;
    }
    if (options_.bounds.depth_max > 0 && cost > options_.bounds.depth_max) {
      stopped = "depth_max";
      break;
    }
    // Nothing joins this list any more: every step costs at least one.
    for (std::size_t i = 0; i < waiting_[cost].size(); ++i) {
      const StateId state = waiting_[cost][i];
      --waiting_count_;
      if (store_.cost(state) != cost) continue;  // it was reached at less
      result_.depth = cost;
      expand(state);
      if (const std::string_view why = limit(); !why.empty()) {
        stopped = why;
        break;
      }
      if (options_.on_progress && ++expanded % report_every == 0 &&
          !options_.on_progress({result_.transitions, store_.size(), waiting_count_, cost})) {
        stopped = "interrupted";
        break;
      }
    }
    if (stopped != "exhausted") break;
    std::vector<StateId>{}.swap(waiting_[cost]);
  }
  // A limit was hit: what was found so far counts, though a shorter one may be about.
  std::ranges::stable_sort(suspects_, {}, &Suspect::cost);
  for (const Suspect& suspect : suspects_) {
    if (result_.violation) break;
    if (!confirm(suspect)) ++result_.unconfirmed;
  }

  result_.stopped = stopped;
  result_.complete = stopped == "exhausted" || stopped == "violation";
  result_.states = store_.size();
  result_.abstract_states = abstract_seen_.size();
  result_.replica_states = space_.replicas();
  result_.engine_inputs = space_.engine_inputs();
  result_.messages = space_.messages();
  result_.cuts = space_.cuts();
  result_.memory_bytes = store_.bytes() + space_.bytes() + edge_pool_.capacity() * sizeof(Edge) + edge_list_of_.bytes() +
                         edge_lists_.capacity() * sizeof(EdgeList) + waiting_count_ * sizeof(StateId) +
                         abstract_.bytes() + abstract_seen_.capacity() * sizeof(std::uint64_t);
  return std::move(result_);
}

std::string_view Search::limit() const {
  const ExploreBounds& b = options_.bounds;
  if (b.states_max > 0 && store_.size() >= b.states_max) return "states_max";
  if (b.transitions_max > 0 && result_.transitions >= b.transitions_max) return "transitions_max";
  if (store_.size() >= no_state - 1) return "states_max";
  if (b.memory_bytes_max > 0 &&
      store_.bytes() + space_.bytes() + edge_pool_.capacity() * sizeof(Edge) + edge_list_of_.bytes() +
              waiting_count_ * sizeof(StateId) >= b.memory_bytes_max) {
    return "memory_bytes_max";
  }
  return {};
}

/// What was said to the node of this instance: by all others, and what forging nodes made of it.
SetId Search::available(const ReplicaId* replicas, std::uint32_t instance) {
  const NodeId node = space_.instances()[instance].node;
  SetId all = space_.opening_for(node);
  for (std::uint32_t i = 0; i < width_; ++i) {
    if (i != instance) all = space_.sets().unite(all, space_.replica(replicas[i]).sent_to[node.value]);
  }
  return all;
}

/// Every way on for one replica until it does something that others may notice. Steps that nobody notices commute with
/// all steps of others and enable none of them, so each run is as good as one in which they come right before the step
/// that is noticed: the states between need not be global states.
std::uint32_t Search::edges(ReplicaId from, SetId available) {
  const std::uint64_t key = std::uint64_t{from} << 32U | available;
  if (const std::uint32_t known = edge_list_of_.find(key); known != FlatMap::absent) return known;
  const std::size_t first = edge_pool_.size();
  ++search_;
  const auto meet = [&](ReplicaId r) {
    if (mark_.size() <= r) mark_.resize(std::max<std::size_t>(2 * mark_.size(), r + 1), 0);
    return std::exchange(mark_[r], search_) != search_;
  };
  queue_.clear();
  queue_.emplace_back(from, 0);
  meet(from);
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    const auto [now, steps] = queue_[i];
    const std::uint32_t next = steps + 1;
    space_.for_each_move(now, available, [&](Input, const ReplicaSpace::Move& move) {
      if (!meet(move.to)) return;
      if (move.speaks) {
        edge_pool_.push_back({move.to, next});
      } else {
        queue_.emplace_back(move.to, next);
      }
    });
  }
  drop_redundant(first, available);
  const auto list = static_cast<std::uint32_t>(edge_lists_.size());
  edge_lists_.push_back({first, static_cast<std::uint32_t>(edge_pool_.size() - first)});
  edge_list_of_.insert(key, list);
  return list;
}

/// Of two edges that end where the one leads to the other by a step that nobody notices, the shorter is enough: the
/// rest of the longer one can wait until it is needed. So replicas take no more messages than their next word needs.
void Search::drop_redundant(std::size_t first, SetId available) {
  ++search_;
  const auto count = static_cast<std::uint32_t>(edge_pool_.size() - first);
  if (place_.size() < mark_.size()) place_.resize(mark_.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    mark_[edge_pool_[first + i].to] = search_;
    place_[edge_pool_[first + i].to] = i;
  }
  redundant_.assign(count, false);
  for (std::uint32_t i = 0; i < count; ++i) {
    const Edge edge = edge_pool_[first + i];
    space_.for_each_move(edge.to, available, [&](Input, const ReplicaSpace::Move& move) {
      if (move.speaks || move.to >= mark_.size() || mark_[move.to] != search_) return;
      const std::uint32_t other = place_[move.to];
      if (edge_pool_[first + other].steps == edge.steps + 1) redundant_[other] = true;
    });
  }
  std::size_t kept = first;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!redundant_[i]) edge_pool_[kept++] = edge_pool_[first + i];
  }
  edge_pool_.resize(kept);
}

void Search::expand(StateId state) {
  std::array<ReplicaId, instances_max> now{};
  std::copy_n(store_.replicas(state), width_, now.begin());
  const std::uint32_t cost = store_.cost(state);
  std::uint32_t crashes = 0;
  if (options_.bounds.crashes_max > 0) {
    for (std::uint32_t i = 0; i < width_; ++i) crashes += space_.replica(now[i]).crashes;
  }
  for (std::uint32_t i = 0; i < width_; ++i) {
    const ReplicaId before = now[i];
    if (space_.replica(before).status == Replica::Status::finished) continue;
    const EdgeList list = edge_lists_[edges(before, available(now.data(), i))];
    for (std::size_t e = list.first; e < list.first + list.count; ++e) {
      const Edge edge = edge_pool_[e];
      const Replica& after = space_.replica(edge.to);
      if (crashes + after.crashes - space_.replica(before).crashes > options_.bounds.crashes_max) continue;
      ++result_.transitions;
      if (is_wrong(now.data(), i, edge.to)) {
        suspects_.push_back({cost + edge.steps, state, i, edge.to});
        if (waiting_.size() <= cost + edge.steps) waiting_.resize(cost + edge.steps + 1);
        continue;
      }
      now[i] = edge.to;
      reach(now, state, cost + edge.steps);
      now[i] = before;
    }
  }
}

void Search::reach(const std::array<ReplicaId, instances_max>& replicas, StateId parent, std::uint32_t cost) {
  const StateStore::Found found = store_.find_or_add(replicas.data());
  if (!found.fresh && store_.cost(found.state) <= cost) return;
  if (found.fresh) {
    std::uint64_t abstract = 0;
    for (std::uint32_t i = 0; i < width_; ++i) abstract = spread(abstract + space_.replica(replicas[i]).abstract);
    const auto same = [&](std::uint32_t n) { return abstract_seen_[n] == abstract; };
    if (abstract_.find(abstract, same) == IndexTable::absent) {
      abstract_seen_.push_back(abstract);
      abstract_.insert(abstract, static_cast<std::uint32_t>(abstract_seen_.size() - 1),
                       [&](std::uint32_t n) { return abstract_seen_[n]; });
    }
  }
  store_.set(found.state, parent, cost);
  if (waiting_.size() <= cost) waiting_.resize(cost + 1);
  waiting_[cost].push_back(found.state);
  ++waiting_count_;
}

// ---- judging --------------------------------------------------------------------------------------------------------

/// The explorer's own judge: quick, and the same properties as the checkers agreement, prefix, no_double_commit,
/// one_vote, single_signer and certified_commit. What it finds counts once a checker has seen it on the records.
bool Search::is_wrong(const ReplicaId* replicas, std::uint32_t instance, ReplicaId to) const {
  const Replica& after = space_.replica(to);
  if (after.flaw != Flaw::none) return true;
  if (!space_.instances()[instance].honest || after.chain == space_.replica(replicas[instance]).chain) return false;
  for (std::uint32_t i = 0; i < width_; ++i) {
    if (i == instance || !space_.instances()[i].honest) continue;
    if (conflict(after.chain, space_.replica(replicas[i]).chain)) return true;
  }
  return false;
}

/// Whether neither chain is a prefix of the other.
bool Search::conflict(const ChainPtr& a, const ChainPtr& b) const {
  if (a == nullptr || b == nullptr) return false;
  const ChainLink* x = a.get();
  const ChainLink* y = b.get();
  while (x->block->height > y->block->height) x = x->previous.get();
  while (y->block->height > x->block->height) y = y->previous.get();
  return x->blocks != y->blocks;
}

/// Replays the steps and lets all checkers judge the records. @return whether one of them found something
bool Search::confirm(const Suspect& suspect) {
  const std::vector<Step> steps = path_to(suspect);
  ExploreViolation violation;
  std::int64_t now = 0;
  const auto emit = [&](Record record) {
    record.at = at_ns(now * 1'000'000);
    violation.records.push_back(record);
  };
  std::uint32_t nodes = 0;
  for (const protocols::Validator& v : options_.committee.validators()) {
    nodes = std::max(nodes, v.node.value + 1);
    emit({.kind = RecordKind::validator, .node = v.node, .height = 1, .a = static_cast<std::uint64_t>(v.power)});
  }
  for (const auto& [height, update] : options_.validator_updates) {
    nodes = std::max(nodes, update.node.value + 1);
    emit({.kind = RecordKind::validator,
          .node = update.node,
          .height = height.value + options_.promises.change_lag,
          .a = static_cast<std::uint64_t>(update.power)});
  }
  for (const CorruptNode& c : options_.corrupt) emit({.kind = RecordKind::corrupt, .node = c.node});
  for (std::uint32_t i = 0; i < width_; ++i) space_.replay_start(i, emit);
  for (const Step& step : steps) {
    ++now;
    if (step.input.kind == Input::Kind::deliver) {
      const Item& item = space_.item(step.input.which);
      const auto said = ReplicaSpace::statement_of(item);
      if (item.corrupt && said) emit(*said);
    }
    space_.replay(step.from, step.input, step.crash, emit);
    violation.steps.push_back(describe(step));
  }

  const CheckerContext context{.node_count = nodes, .engine = options_.promises, .corrupt_nodes = !options_.corrupt.empty()};
  std::vector<std::unique_ptr<Checker>> judges;
  sim::RecordLog log{sim::RecordLog::Mode::off};
  for (const CheckerEntry& entry : checkers()) {
    if (entry.name == "liveness" || entry.name == "evidence" || !entry.fits(context)) continue;
    judges.push_back(entry.make(context));
    log.subscribe(*judges.back(), judges.back()->kinds());
  }
  for (const Record& record : violation.records) log.emit(record);
  const Finding* first = nullptr;
  for (const auto& judge : judges) {
    for (const Finding& f : judge->findings()) {
      if (first == nullptr || f.at < first->at) first = &f;
    }
  }
  if (first == nullptr) return false;
  violation.finding = *first;
  result_.violation = std::move(violation);
  return true;
}

// ---- the way there --------------------------------------------------------------------------------------------------

std::vector<Search::Step> Search::path_to(const Suspect& suspect) {
  std::vector<StateId> states;
  for (StateId s = suspect.parent; s != no_state; s = store_.parent(s)) states.push_back(s);
  std::ranges::reverse(states);
  std::vector<Step> steps;
  for (std::size_t k = 0; k < states.size(); ++k) {
    const ReplicaId* now = store_.replicas(states[k]);
    std::uint32_t instance = suspect.instance;
    ReplicaId to = suspect.replica;
    if (k + 1 < states.size()) {
      const ReplicaId* next = store_.replicas(states[k + 1]);
      instance = static_cast<std::uint32_t>(std::mismatch(now, now + width_, next).first - now);
      to = next[instance];
    }
    append_path(now[instance], available(now, instance), to, instance, steps);
  }
  return steps;
}

/// The shortest way of one replica, as `edges` found it.
void Search::append_path(ReplicaId from, SetId available, ReplicaId to, std::uint32_t instance,
                         std::vector<Step>& steps) {
  struct Met {
    ReplicaId replica;
    std::size_t before;
    Input input;
    std::uint16_t crash;
  };
  std::vector<Met> met{{from, 0, {}, ReplicaSpace::no_crash}};
  for (std::size_t i = 0; i < met.size() && met.back().replica != to; ++i) {
    bool done = false;
    space_.for_each_move(met[i].replica, available, [&](Input input, const ReplicaSpace::Move& move) {
      if (done || (move.speaks && move.to != to)) return;
      if (std::ranges::find(met, move.to, &Met::replica) != met.end()) return;
      met.push_back({move.to, i, input, move.crash});
      done = move.to == to;
    });
  }
  SEQLAB_ASSERT(met.back().replica == to, from, to);
  std::vector<Step> way;
  for (std::size_t i = met.size() - 1; i != 0; i = met[i].before) {
    way.push_back({instance, met[met[i].before].replica, met[i].input, met[i].crash});
  }
  steps.insert(steps.end(), way.rbegin(), way.rend());
}

ExploreStep Search::describe(const Step& step) const {
  const ReplicaSpace::Instance who = space_.instances()[step.instance];
  const Replica& before = space_.replica(step.from);
  ExploreStep out;
  out.node = who.node;
  out.twin = who.twin;
  out.height = before.height;
  out.round = before.round;
  const std::string name = node_name(who.node) + (who.twin != 0 ? "'" : "");
  if (step.crash != ReplicaSpace::no_crash) out.crash_before_effect = step.crash;
  switch (step.input.kind) {
    case Input::Kind::deliver: {
      const Item& item = space_.item(step.input.which);
      out.kind = ExploreStep::Kind::deliver;
      out.from = item.from;
      out.message = protocols::fields_of(*item.body);
      const MessageFields& m = out.message;
      out.text = fmt::format("{} takes {} of {}", name, name_of(m.kind), node_name(m.author));
      if (m.height.value > 0) out.text += fmt::format(", height {}", m.height.value);
      if (m.round.value >= 0) out.text += fmt::format(" round {}", m.round.value);
      if (item.slot) out.text += m.block ? fmt::format(", for {}", short_hex(m.block)) : std::string{", for nil"};
      if (m.author != item.from) out.text += fmt::format(", from {}", node_name(item.from));
      break;
    }
    case Input::Kind::timer:
      out.kind = ExploreStep::Kind::timer;
      out.timer = before.timers[step.input.which].id;
      out.text = fmt::format("timer {} of {} fires in height {} round {}", out.timer, name, before.height.value,
                             before.round.value);
      break;
    case Input::Kind::crash:
      out.kind = ExploreStep::Kind::crash;
      out.text = fmt::format("{} crashes", name);
      break;
    case Input::Kind::restart:
      out.kind = ExploreStep::Kind::restart;
      out.text = fmt::format("{} starts again", name);
      break;
  }
  if (out.crash_before_effect) out.text += fmt::format(", and crashes after {} effects of it", *out.crash_before_effect);
  return out;
}

}  // namespace

ExploreResult explore(const ExploreOptions& options) { return Search{options}.run(); }

}  // namespace seqlab::scenarios
