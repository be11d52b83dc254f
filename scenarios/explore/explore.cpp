// The search over global states: one number a replica. A state costs a few words, a step two look-ups.
#include "scenarios/explore/explore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <string_view>

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

/// Global states in the order in which they were found: their replicas, and whence they came.
class StateStore {
 public:
  explicit StateStore(std::size_t width) : width_(width), stride_(width + 1) {}

  /// @return the new state's number, or no_state if it was there
  StateId add(const ReplicaId* replicas, StateId parent) {
    const std::uint64_t hash = hash_of(replicas);
    const auto same = [&](StateId s) { return std::equal(replicas, replicas + width_, this->replicas(s)); };
    if (table_.find(hash, same) != IndexTable::absent) return no_state;
    const auto s = static_cast<StateId>(count_);
    if ((count_ & (chunk_states - 1)) == 0) {
      chunks_.push_back(std::make_unique<std::uint32_t[]>(chunk_states * stride_));
    }
    ++count_;
    std::copy(replicas, replicas + width_, row(s));
    row(s)[width_] = parent;
    table_.insert(hash, s, [&](StateId other) { return hash_of(this->replicas(other)); });
    return s;
  }
  const ReplicaId* replicas(StateId s) const {
    return chunks_[s >> chunk_bits].get() + (s & (chunk_states - 1)) * stride_;
  }
  StateId parent(StateId s) const { return replicas(s)[width_]; }
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

/// A set of small numbers that only grows.
class IdSet {
 public:
  /// @return whether it was not there
  bool insert(std::uint32_t id) {
    if (slots_.empty() || count_ * 2 >= slots_.size()) grow();
    std::size_t at = spread(id) & (slots_.size() - 1);
    while (slots_[at] != 0 && slots_[at] != id + 1) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] != 0) return false;
    slots_[at] = id + 1;
    ++count_;
    return true;
  }
  std::size_t bytes() const { return slots_.capacity() * sizeof(std::uint32_t); }

 private:
  void grow() {
    std::vector<std::uint32_t> old(slots_.empty() ? 8 : slots_.size() * 2);
    old.swap(slots_);
    count_ = 0;
    for (const std::uint32_t s : old) {
      if (s != 0) insert(s - 1);
    }
  }
  std::vector<std::uint32_t> slots_;
  std::size_t count_ = 0;
};

/// What one replica can do with the messages that others said to it, until it does something that others may notice.
/// Grown by one step at a time, as far as the search needs it.
struct Local {
  ReplicaId from;
  SetId available;
  std::vector<ReplicaId> frontier;     ///< reached by `layers` steps that nobody noticed
  IdSet met;
  /// How the frontier was reached: a state, the one before it, and the input between; sorted by the first.
  struct Arrival {
    ReplicaId to;
    ReplicaId from;
    Input input;
  };
  std::vector<Arrival> arrivals;
  std::vector<ReplicaId> edges;        ///< the needed ones, of all layers
  std::vector<std::uint32_t> layer_end;
  bool exhausted() const { return frontier.empty(); }
};

class Search {
 public:
  explicit Search(const ExploreOptions& options)
      : options_(options), space_(options), width_(space_.instances().size()), store_(width_) {}

  ExploreResult run();

 private:
  /// A state that is wrong: `replica` of `instance`, after `parent`.
  struct Suspect {
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

  /// A replica of a state whose longer ways on are still to be followed.
  struct Unfinished {
    StateId state;
    std::uint32_t local;
    std::uint16_t instance;
    std::uint16_t layer;  ///< the next one
  };

  void expand(StateId state);
  void follow(const Unfinished& where, std::array<ReplicaId, instances_max>& replicas);
  void reach(const std::array<ReplicaId, instances_max>& replicas, StateId parent);
  SetId available(const ReplicaId* replicas, std::uint32_t instance);
  std::uint32_t local_of(ReplicaId from, SetId available);
  void grow(Local& local);
  bool is_redundant(const Local& local, ReplicaId now, Input input, const ReplicaSpace::Move& move);
  bool is_wrong(const ReplicaId* replicas, std::uint32_t instance, ReplicaId to) const;
  bool conflict(const ChainPtr& a, const ChainPtr& b) const;
  std::string_view limit() const;
  void judge_suspects();
  bool confirm(const Suspect& suspect);
  std::uint64_t waiting() const;
  std::size_t bytes() const;
  static std::size_t local_bytes(const Local& local);

  std::vector<Step> path_to(const Suspect& suspect);
  void append_path(ReplicaId from, SetId available, ReplicaId to, std::uint32_t instance, std::vector<Step>& steps);
  ExploreStep describe(const Step& step) const;

  const ExploreOptions& options_;
  ReplicaSpace space_;
  std::size_t width_;
  StateStore store_;
  // Of the present number of steps, and of one more.
  std::vector<StateId> fresh_, fresh_next_;
  std::vector<Unfinished> unfinished_, unfinished_next_;
  std::deque<Local> locals_;
  FlatMap local_by_key_;                        // (replica, available)
  std::size_t local_bytes_ = 0;
  std::vector<std::uint32_t> mark_;             // by replica: last time that it was marked
  std::uint32_t marks_ = 0;
  IndexTable abstract_;
  std::vector<std::uint64_t> abstract_seen_;
  std::vector<Suspect> suspects_;
  ExploreResult result_;
};

// ---- the search -----------------------------------------------------------------------------------------------------

/// By number of steps: states that are one step further only come when all others are done. So each state is found by a
/// shortest way, and so is the first violation.
ExploreResult Search::run() {
  std::array<ReplicaId, instances_max> first{};
  for (std::uint32_t i = 0; i < width_; ++i) first[i] = space_.first(i);
  reach(first, no_state);

  std::string_view stopped;
  std::uint64_t turns = 0;
  const auto stop = [&] {
    if (!suspects_.empty()) judge_suspects();
    if (result_.violation) return stopped = "violation", true;
    if (stopped = limit(); !stopped.empty()) return true;
    constexpr std::uint64_t report_every = 1024;
    if (options_.on_progress && ++turns % report_every == 0 &&
        !options_.on_progress({result_.transitions, store_.size(), waiting(), result_.depth})) {
      stopped = "interrupted";
    }
    return !stopped.empty();
  };
  for (std::uint32_t depth = 1; stopped.empty(); ++depth) {
    fresh_.swap(fresh_next_);
    unfinished_.swap(unfinished_next_);
    if (fresh_.empty() && unfinished_.empty()) {
      stopped = "exhausted";
    } else if (options_.bounds.depth_max > 0 && depth > options_.bounds.depth_max) {
      stopped = "depth_max";
    } else {
      result_.depth = depth;
    }
    while (stopped.empty() && !unfinished_.empty()) {
      const Unfinished where = unfinished_.back();
      unfinished_.pop_back();
      std::array<ReplicaId, instances_max> now{};
      std::copy_n(store_.replicas(where.state), width_, now.begin());
      follow(where, now);
      stop();
    }
    while (stopped.empty() && !fresh_.empty()) {
      const StateId state = fresh_.back();
      fresh_.pop_back();
      expand(state);
      stop();
    }
  }

  result_.stopped = stopped;
  result_.complete = stopped == "exhausted" || stopped == "violation";
  result_.states = store_.size();
  result_.abstract_states = abstract_seen_.size();
  result_.replica_states = space_.replicas();
  result_.engine_inputs = space_.engine_inputs();
  result_.messages = space_.messages();
  result_.cuts = space_.cuts();
  result_.memory_bytes = bytes();
  return std::move(result_);
}

std::uint64_t Search::waiting() const {
  return fresh_.size() + fresh_next_.size() + unfinished_.size() + unfinished_next_.size();
}

std::size_t Search::bytes() const {
  return store_.bytes() + space_.bytes() + local_bytes_ + locals_.size() * sizeof(Local) + local_by_key_.bytes() +
         (fresh_.capacity() + fresh_next_.capacity()) * sizeof(StateId) +
         (unfinished_.capacity() + unfinished_next_.capacity()) * sizeof(Unfinished) + abstract_.bytes() +
         abstract_seen_.capacity() * sizeof(std::uint64_t);
}

std::string_view Search::limit() const {
  const ExploreBounds& b = options_.bounds;
  if (b.states_max > 0 && store_.size() >= b.states_max) return "states_max";
  if (b.transitions_max > 0 && result_.transitions >= b.transitions_max) return "transitions_max";
  if (store_.size() >= no_state - 1) return "states_max";
  if (b.memory_bytes_max > 0 && bytes() >= b.memory_bytes_max) return "memory_bytes_max";
  return {};
}

/// What was said to the node of this instance: by all others, and what forging nodes made of it.
SetId Search::available(const ReplicaId* replicas, std::uint32_t instance) {
  const NodeId node = space_.instances()[instance].node;
  SetId all = space_.opening_for(node);
  for (std::uint32_t i = 0; i < width_; ++i) {
    // Its own words do not come back, but what forging nodes made of them does.
    all = space_.sets().unite(all, space_.replica(replicas[i]).sent_to[node.value]);
  }
  return all;
}

std::uint32_t Search::local_of(ReplicaId from, SetId available) {
  const std::uint64_t key = std::uint64_t{from} << 32U | available;
  if (const std::uint32_t known = local_by_key_.find(key); known != FlatMap::absent) return known;
  const auto id = static_cast<std::uint32_t>(locals_.size());
  Local& local = locals_.emplace_back();
  local.from = from;
  local.available = available;
  local.frontier.push_back(from);
  local.met.insert(from);
  local_by_key_.insert(key, id);
  return id;
}

/// Follows all ways of one replica by one step more.
///
/// Steps that nobody notices commute with all steps of others and enable none of them: each run is as good as one in
/// which they come right before the next step of the same replica that is noticed. Hence only such steps lead to other
/// global states. And of two of them, where the one leads to the other by a step that nobody notices, the shorter is
/// enough: the rest of the longer one can wait until it is needed. So replicas take no more messages than their next
/// word needs.
void Search::grow(Local& local) {
  std::vector<ReplicaId> frontier;
  std::vector<Local::Arrival> arrivals;
  local_bytes_ -= local_bytes(local);
  ++marks_;
  for (const ReplicaId now : local.frontier) {
    space_.for_each_move(now, local.available, [&](Input input, const ReplicaSpace::Move& move) {
      ++result_.local_steps;
      const bool fresh = local.met.insert(move.to);
      if (!options_.reduce) {
        if (fresh) local.edges.push_back(move.to);
        return;
      }
      if (move.speaks) {
        if (fresh && !is_redundant(local, now, input, move)) local.edges.push_back(move.to);
        return;
      }
      if (mark_.size() <= move.to) mark_.resize(2 * std::size_t{move.to} + 64);
      if (fresh) {
        frontier.push_back(move.to);
        mark_[move.to] = marks_;
      }
      if (mark_[move.to] == marks_ && move.crash == ReplicaSpace::no_crash) arrivals.push_back({move.to, now, input});
    });
  }
  std::ranges::stable_sort(arrivals, {}, &Local::Arrival::to);
  local.layer_end.push_back(static_cast<std::uint32_t>(local.edges.size()));
  local.frontier.swap(frontier);
  local.arrivals.swap(arrivals);
  if (local.exhausted()) {
    local.met = {};
    std::vector<Local::Arrival>{}.swap(local.arrivals);
    std::vector<ReplicaId>{}.swap(local.frontier);
    local.edges.shrink_to_fit();
  }
  local_bytes_ += local_bytes(local);
}

/// Whether the step before `now` could as well have come after `input`, with the same result.
bool Search::is_redundant(const Local& local, ReplicaId now, Input input, const ReplicaSpace::Move& move) {
  if (move.crash != ReplicaSpace::no_crash) return false;
  for (auto a = std::ranges::lower_bound(local.arrivals, now, {}, &Local::Arrival::to);
       a != local.arrivals.end() && a->to == now; ++a) {
    const ReplicaSpace::Move* first = space_.step(a->from, input);
    if (first == nullptr || !first->speaks) continue;
    const ReplicaId spoken = first->to;
    const ReplicaSpace::Move* then = space_.step(spoken, a->input);
    if (then != nullptr && !then->speaks && then->to == move.to) return true;
  }
  return false;
}

std::size_t Search::local_bytes(const Local& local) {
  return local.met.bytes() + local.arrivals.capacity() * sizeof(Local::Arrival) +
         (local.frontier.capacity() + local.edges.capacity() + local.layer_end.capacity()) * sizeof(std::uint32_t);
}

void Search::expand(StateId state) {
  std::array<ReplicaId, instances_max> now{};
  std::copy_n(store_.replicas(state), width_, now.begin());
  for (std::uint32_t i = 0; i < width_; ++i) {
    if (space_.replica(now[i]).status == Replica::Status::finished) continue;
    const std::uint32_t local = local_of(now[i], available(now.data(), i));
    follow({state, local, static_cast<std::uint16_t>(i), 0}, now);
  }
}

/// Goes on with one replica by the steps of one layer. @param replicas  of the state; the same afterwards
void Search::follow(const Unfinished& where, std::array<ReplicaId, instances_max>& replicas) {
  Local& local = locals_[where.local];
  while (local.layer_end.size() <= where.layer) {
    if (local.exhausted()) return;
    grow(local);
  }
  const ReplicaId before = replicas[where.instance];
  std::uint32_t crashes_left = options_.bounds.crashes_max;
  if (crashes_left > 0) {
    for (std::uint32_t i = 0; i < width_; ++i) {
      if (i == where.instance) continue;
      crashes_left -= std::min<std::uint32_t>(crashes_left, space_.replica(replicas[i]).crashes);
    }
  }
  const std::uint32_t first = where.layer == 0 ? 0 : local.layer_end[where.layer - 1];
  for (std::uint32_t e = first; e < local.layer_end[where.layer]; ++e) {
    const ReplicaId to = local.edges[e];
    if (space_.replica(to).crashes > crashes_left) continue;
    ++result_.transitions;
    if (is_wrong(replicas.data(), where.instance, to)) {
      suspects_.push_back({where.state, where.instance, to});
      continue;
    }
    replicas[where.instance] = to;
    reach(replicas, where.state);
    replicas[where.instance] = before;
  }
  const bool more = where.layer + 1U < local.layer_end.size() || !local.exhausted();
  if (more) {
    unfinished_next_.push_back(
        {where.state, where.local, where.instance, static_cast<std::uint16_t>(where.layer + 1)});
  }
}

void Search::reach(const std::array<ReplicaId, instances_max>& replicas, StateId parent) {
  const StateId state = store_.add(replicas.data(), parent);
  if (state == no_state) return;
  fresh_next_.push_back(state);
  std::uint64_t abstract = 0;
  for (std::uint32_t i = 0; i < width_; ++i) abstract = spread(abstract + space_.replica(replicas[i]).abstract);
  const auto same = [&](std::uint32_t n) { return abstract_seen_[n] == abstract; };
  if (abstract_.find(abstract, same) != IndexTable::absent) return;
  abstract_seen_.push_back(abstract);
  abstract_.insert(abstract, static_cast<std::uint32_t>(abstract_seen_.size() - 1),
                   [&](std::uint32_t n) { return abstract_seen_[n]; });
}

void Search::judge_suspects() {
  for (const Suspect& suspect : suspects_) {
    if (confirm(suspect)) break;
    ++result_.unconfirmed;
  }
  suspects_.clear();
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

  const CheckerContext context{
      .node_count = nodes, .engine = options_.promises, .corrupt_nodes = !options_.corrupt.empty()};
  std::vector<std::unique_ptr<Checker>> judges;
  sim::RecordLog log{sim::RecordLog::Mode::off};
  for (const CheckerEntry& entry : checkers()) {
    if (entry.name == "liveness" || entry.name == "evidence" || !entry.fits(context)) continue;
    judges.push_back(entry.make(context));
    log.subscribe(*judges.back(), judges.back()->kinds());
  }
  for (const Record& record : violation.records) log.emit(record);
  for (const auto& judge : judges) {
    violation.others.insert(violation.others.end(), judge->findings().begin(), judge->findings().end());
  }
  if (violation.others.empty()) return false;
  std::ranges::stable_sort(violation.others, {}, &Finding::at);
  // The last step is the one that was suspected; what is without checkers of its own shows earlier, or elsewhere.
  const auto last = std::ranges::find(violation.others, at_ns(now * 1'000'000), &Finding::at);
  const auto chosen = last != violation.others.end() ? last : violation.others.begin();
  violation.finding = *chosen;
  violation.others.erase(chosen);
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

/// The shortest way of one replica, as `grow` found it.
void Search::append_path(ReplicaId from, SetId available, ReplicaId to, std::uint32_t instance,
                         std::vector<Step>& steps) {
  struct Met {
    ReplicaId replica;
    std::size_t before;
    Input input;
    std::uint16_t crash;
  };
  std::vector<Met> met{{from, 0, {}, ReplicaSpace::no_crash}};
  IdSet known;
  known.insert(from);
  for (std::size_t i = 0; i < met.size() && met.back().replica != to; ++i) {
    bool done = false;
    space_.for_each_move(met[i].replica, available, [&](Input input, const ReplicaSpace::Move& move) {
      if (done || (move.speaks && move.to != to)) return;
      if (!known.insert(move.to)) return;
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
      out.timer = step.input.which;
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
  if (out.crash_before_effect) {
    out.text += fmt::format(", and crashes after {} effects of it", *out.crash_before_effect);
  }
  return out;
}

}  // namespace

ExploreResult explore(const ExploreOptions& options) { return Search{options}.run(); }

}  // namespace seqlab::scenarios
